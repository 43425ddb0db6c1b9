import csv
import io
from html.parser import HTMLParser

import pytest
from rich.console import Console

from internvideo_pl.tables.render import print_table, to_csv, to_html, to_markdown
from internvideo_pl.tables.table import Bar, Cell, Column, Table, number

TABLE = Table(
    "Results",
    [Column("model", once=True), Column("metric"), Column("ours", number=True)],
    [
        [Cell("coordinated <model>"), Cell("top-1"), Cell("80.0", raw=79.987654321, best=True, bar=Bar(79.99, 25.0))],
        [Cell("coordinated <model>"), Cell("R@1 | a_b"), Cell("1,234.5", raw=1234.5)],
        [Cell("other"), Cell("top-1"), number(None)],
    ],
    ["A note & more."],
)


def drawn(width, terminal=True, table=TABLE):
    out = io.StringIO()
    print_table(table, Console(file=out, width=width, force_terminal=terminal, color_system=None))
    return out.getvalue()


def test_terminal_shows_a_run_of_equal_cells_once():
    text = drawn(100)
    assert text.count("coordinated <model>") == 1
    assert "★ 80.0" in text
    assert "A note & more." in text


@pytest.mark.parametrize("width", [100, 40, 30])
def test_terminal_never_cuts_a_number_or_a_word(width):
    text = drawn(width)
    assert all(piece in text for piece in ("1,234.5", "coordinated", "<model>", "other"))
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width


def test_a_narrow_terminal_gets_a_list():
    text = drawn(24)
    assert "ours: ★ 80.0" in text
    assert text.count("model: coordinated") == 2  # a list names its row each time


def test_a_pipe_gets_the_tables_own_width():
    wide = Table("t", [Column("name")], [[Cell("word " * 40)]])
    assert any(len(line) > 190 for line in drawn(80, terminal=False, table=wide).splitlines())


def test_a_terminal_without_stars():
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    print_table(TABLE, Console(file=out, width=100))
    out.flush()
    assert b"* 80.0" in out.buffer.getvalue()


def test_markdown():
    assert to_markdown(TABLE) == (
        "### Results\n\n"
        "| model | metric | ours |\n"
        "| --- | --- | ---: |\n"
        "| coordinated \\<model\\> | top-1 | **80.0** |\n"
        "| coordinated \\<model\\> | R@1 \\| a\\_b | 1,234.5 |\n"
        "| other | top-1 | - |\n"
        "\nA note & more.\n"
    )


def test_csv_keeps_full_precision_and_repeats():
    records = list(csv.DictReader(io.StringIO(to_csv(TABLE))))
    assert [record["model"] for record in records] == ["coordinated <model>", "coordinated <model>", "other"]
    assert float(records[0]["ours"]) == 79.987654321
    assert records[1]["metric"] == "R@1 | a_b"
    assert records[2]["ours"] == "-"


class Balance(HTMLParser):
    """Fails where tags do not close in order; collects the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_is_balanced_and_escaped():
    html = to_html(TABLE)
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert "coordinated <model>" in parser.text
    assert "<model>" not in html
    assert html.count('scope="row"') == 3
    assert 'style="width:79.99%"' in html
    assert 'style="left:25.00%"' in html


def test_a_run_of_equal_cells_ends_where_the_left_one_changes():
    heads = [Column("model", once=True), Column("task", once=True)]
    table = Table("t", heads, [[Cell("a"), Cell("x")], [Cell("a"), Cell("x")], [Cell("b"), Cell("x")]])
    assert [[table.repeats(i, j) for j in range(2)] for i in range(3)] == [[False, False], [True, True], [False, False]]


def test_numbers():
    assert number(1234.56).text == "1,234.6"
    assert number(0.4).text == "0.40"
    assert number(0.0).text == "0.0"
    assert number(float("nan")).text == "undefined"
    assert number(None).text == "-"


def test_rows_must_fill_the_columns():
    with pytest.raises(AssertionError, match="one cell a column"):
        Table("t", [Column("a"), Column("b")], [[Cell("1")]])
