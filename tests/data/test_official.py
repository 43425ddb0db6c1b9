"""Lists read line by line: ends of any system, blanks, quotes, and what is wrong named by file and line."""

import pytest

from internvideo_pl.data.official import Once, find_file, numbered_lines, numbered_rows, read_json
from internvideo_pl.errors import UserError


def test_lines_keep_their_numbers_and_lose_their_ends(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffone 1 \r\n\r\n  \nzwölf\nlast".encode())
    assert numbered_lines(path) == [(1, "one 1 "), (4, "zwölf"), (5, "last")]


def test_rows_have_the_line_on_which_they_end(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,"b, c"\n\nd,"e\nf"\n', encoding="utf-8")
    assert list(numbered_rows(path)) == [(1, ["a", "b, c"]), (4, ["d", "e\nf"])]
    path.write_text("1;two words\n", encoding="utf-8")
    assert list(numbered_rows(path, ";")) == [(1, ["1", "two words"])]


@pytest.mark.parametrize(
    ("content", "read", "said"),
    [
        (b"fine\nf\xfcr\n", numbered_lines, "line 2: byte 2 is not UTF-8"),
        (b'a,b\nc,"d\n', lambda path: list(numbered_rows(path)), "line 2: not a row"),
        (b'{"a": 1,\n"b": }', read_json, "line 2: not JSON"),
        (b'{"a":\n"\xff"}', read_json, "line 2: byte 2 is not UTF-8"),
        (b"[" * 100_000, read_json, "cannot be read as JSON"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_line(tmp_path, content, read, said):
    path = tmp_path / "list"
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read(path)
    assert str(path) in str(error.value)
    assert said in str(error.value)


def test_a_second_entry_names_both_places(tmp_path):
    once = Once(tmp_path / "list")
    once.add("a", 3)
    once.add("b", 4)
    with pytest.raises(UserError, match=r"line 9: 'a' is in line 3 already"):
        once.add("a", 9)


def test_the_first_place_with_a_file_counts(tmp_path):
    (tmp_path / "here.txt").mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "here.txt").touch()
    assert find_file(tmp_path, "here.txt", "there/here.txt") == tmp_path / "there" / "here.txt"
    assert find_file(tmp_path, "gone") is None
