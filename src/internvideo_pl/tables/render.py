"""One table, four drawings: terminal, Markdown, CSV, HTML."""

import csv
import io
from collections.abc import Sequence
from html import escape
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from internvideo_pl.tables.table import Bar, Cell, Table

_STYLES = {"good": "green", "bad": "red", "muted": "dim", "": ""}
BEST = "★"
SHORT = 20  # letters up to which a cell of a page is kept on one line


def print_table(table: Table, console: Console | None = None) -> None:
    """Draw the table on the terminal.

    Words wrap between words and numbers do not wrap. Where the terminal is too narrow even for that, each row becomes a
    short list. Output to a file or a pipe has no width to respect and gets the table's own.
    """
    console = console or Console()
    star = BEST if console.encoding.startswith("utf") else "*"
    drawn = _rich(table, star)
    needed = Measurement.get(console, console.options.update(max_width=10_000), drawn)
    if not console.is_terminal:
        console = Console(file=console.file, width=max(needed.maximum, console.width))
    console.print()
    if needed.minimum <= console.width:
        console.print(drawn)
    else:
        console.print(Text(table.title, style="bold"))
        for row in table.rows:
            console.print(_listed(table, row, star))
    for note in table.notes:
        console.print(Text(note, style="dim"))


def to_markdown(table: Table) -> str:
    """GitHub-flavoured Markdown; the best of a kind in bold."""
    heads = [_markdown(column.name) for column in table.columns]
    rules = ["---:" if column.number else "---" for column in table.columns]
    lines = [f"### {table.title}", "", _pipes(heads), _pipes(rules)]
    for row in table.rows:
        lines.append(_pipes([f"**{_markdown(cell.text)}**" if cell.best else _markdown(cell.text) for cell in row]))
    notes = [line for note in table.notes for line in ("", _markdown(note))]
    return "\n".join([*lines, *notes]) + "\n"


def to_csv(table: Table) -> str:
    """RFC 4180 with a heading line; numbers at full precision, notes left out."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow([cell.text if cell.raw is None else repr(cell.raw) for cell in row])
    return out.getvalue()


def to_html(table: Table) -> str:
    """A `<figure>` with the table and its notes; styled by the report's style sheet."""
    heads = "".join(
        f'<th scope="col"{_css("number" if column.number else "")}>{escape(column.name)}</th>'
        for column in table.columns
    )
    body = "\n".join(f"<tr>{_html_row(table, i)}</tr>" for i in range(len(table.rows)))
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    caption = f"<figcaption><ul>{notes}</ul></figcaption>" if notes else ""
    label = escape(table.title, quote=True)
    return (
        f'<figure class="table"><div class="scroll" role="region" aria-label="{label}" tabindex="0">'
        f"<table><thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>{caption}</figure>"
    )


def _rich(table: Table, star: str) -> RichTable:
    drawn = RichTable(title=Text(table.title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for j, column in enumerate(table.columns):
        texts = [column.name, *(_text(row[j], star).plain for row in table.rows)]
        pieces = texts if column.number else [word for text in texts for word in text.split()]
        narrowest = max(map(cell_len, pieces), default=1)
        justify: Literal["left", "right"] = "right" if column.number else "left"
        drawn.add_column(Text(column.name), justify=justify, no_wrap=column.number, min_width=narrowest)
    for i, row in enumerate(table.rows):
        drawn.add_row(*(Text("") if table.repeats(i, j) else _text(cell, star) for j, cell in enumerate(row)))
    return drawn


def _text(cell: Cell, star: str) -> Text:
    style = "bold green" if cell.best else _STYLES[cell.tone]
    return Text(f"{star} {cell.text}" if cell.best else cell.text, style=style)


def _listed(table: Table, row: Sequence[Cell], star: str) -> Text:
    """One row as `heading: value` lines, for a terminal that is too narrow for columns."""
    lines = [
        Text.assemble((f"{column.name}: ", "dim"), _text(cell, star))
        for column, cell in zip(table.columns, row, strict=True)
        if cell.text
    ]
    return Text("\n").join([Text(""), *lines])


def _pipes(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    """Text with what Markdown would read as its own escaped."""
    for mark in "\\`*_<>|[]":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())


def _html_row(table: Table, i: int) -> str:
    cells = []
    for j, (column, cell) in enumerate(zip(table.columns, table.rows[i], strict=True)):
        short = not column.number and len(cell.text) <= SHORT
        marks = {"number": column.number, "short": short, "best": cell.best, cell.tone: bool(cell.tone)}
        classes = " ".join(name for name, wanted in marks.items() if wanted)
        text = escape(cell.text)
        if table.repeats(i, j):
            text = f'<span class="repeat">{text}</span>'
        if cell.best:
            text += f'<span class="mark" title="best of its kind" aria-label="best of its kind">{BEST}</span>'
        if cell.bar is not None:
            text = f'<span class="measure">{_html_bar(cell.bar)}<span>{text}</span></span>'
        tag, scope = ("th", ' scope="row"') if j == 0 else ("td", "")
        cells.append(f"<{tag}{scope}{_css(classes)}>{text}</{tag}>")
    return "".join(cells)


def _html_bar(bar: Bar) -> str:
    """A length with a tick at chance; decoration only, the numbers stand in the cells."""
    share = min(max(bar.value / bar.limit, 0.0), 1.0)
    tick = "" if bar.chance is None else f'<i style="left:{100 * min(max(bar.chance / bar.limit, 0.0), 1.0):.2f}%"></i>'
    return f'<span class="bar" aria-hidden="true"><b style="width:{100 * share:.2f}%"></b>{tick}</span>'


def _css(classes: str) -> str:
    return f' class="{classes}"' if classes else ""
