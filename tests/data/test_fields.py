"""Official files read row by row: every fault is one sentence that names file and row."""

import json

import pytest

from internvideo_pl.data.fields import read_json_lines, read_records, read_tabs, read_text
from internvideo_pl.errors import UserError


def put(tmp_path, content: str | bytes):
    path = tmp_path / "list.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_lines_end_at_line_feeds_only(tmp_path):
    odd = "a\x0bb\u2028c\x85d\x1ce"
    rows = list(read_tabs(put(tmp_path, f"one\t{odd}\r\ntwo\tplain\n"), ("key", "text")))
    assert [row.text("text") for row in rows] == [odd, "plain"]
    assert [row.place.rpartition(", ")[2] for row in rows] == ["line 1", "line 2"]


def test_quotes_are_characters_unless_they_are_said_to_quote(tmp_path):
    path = put(tmp_path, 'key\ttext\n1\t"say ""no"""\n2\t5" wide\n')
    assert [row.text("text") for row in read_tabs(path)] == ['"say ""no"""', '5" wide']
    assert [row.text("text") for row in read_tabs(path, quoted=True)] == ['say "no"', '5" wide']


def test_a_byte_order_mark_is_no_text(tmp_path):
    assert read_text(put(tmp_path, b"\xef\xbb\xbfkey")) == "key"


def test_numbers_may_be_text(tmp_path):
    rows = list(read_records(put(tmp_path, '[{"id": 3}, {"id": "4"}]')))
    assert [row.whole("id") for row in rows] == [3, 4]


@pytest.mark.parametrize(
    ("content", "read", "says"),
    [
        ("a\tb\tc\n", lambda p: list(read_tabs(p, ("x", "y"))), "line 1: it has 3 fields between tabs instead of 2"),
        ("x\ty\n\n1\n", lambda p: list(read_tabs(p)), "line 3: it has 1 fields between tabs instead of 2"),
        (b"x\ty\na\xff\tb\n", lambda p: list(read_tabs(p)), "line 2: byte 2 is not UTF-8"),
        ("[1]", lambda p: list(read_records(p)), "record 1: it must be an object, not 1"),
        ("{}", lambda p: list(read_records(p)), "must be a JSON list of objects"),
        ('[{"a":\n 1},, ]', lambda p: list(read_records(p)), "line 2: "),
        ('{"a": 1}\nnonsense\n', lambda p: list(read_json_lines(p)), "line 2: "),
        ("{}\n[]\n", lambda p: list(read_json_lines(p)), "line 2: it must be an object"),
    ],
)
def test_damage_is_named(tmp_path, content, read, says):
    with pytest.raises(UserError) as error:
        read(put(tmp_path, content))
    assert says in str(error.value)
    assert "list.txt" in str(error.value)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({}, "it has no question"),
        ({"questoin": "why?"}, "Did you mean 'questoin'?"),
        ({"question": None}, "its question must be text, not None"),
        ({"question": 5}, "its question must be text, not 5"),
        ({"question": "\ud83d broken"}, "half of a surrogate pair"),
    ],
)
def test_a_bad_text_is_named(tmp_path, record, says):
    (row,) = read_records(put(tmp_path, json.dumps([record])))
    with pytest.raises(UserError, match=says) as error:
        row.text("question")
    assert "record 1" in str(error.value)


@pytest.mark.parametrize("value", [None, True, 1.5, "one", "", [1]])
def test_a_bad_number_is_named(tmp_path, value):
    (row,) = read_records(put(tmp_path, json.dumps([{"id": value}])))
    with pytest.raises(UserError, match="record 1: its id must be a whole number"):
        row.whole("id")
