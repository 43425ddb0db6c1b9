"""Files that appear whole or not at all."""

from pathlib import Path

import pytest

from internvideo_pl.whole_file import replacing, write_whole


def test_text_and_bytes_replace_what_was_there_and_leave_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_whole(path, "größer\r\n")
    assert path.read_bytes() == "größer\r\n".encode()
    write_whole(path, b"\xff")
    assert path.read_bytes() == b"\xff"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_in_between_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "row.json"
    write_whole(path, "whole")

    def half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("ha")
            assert path.read_text() == "whole"
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        half()
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]
