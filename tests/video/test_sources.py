import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.video.sources import find_videos


def test_videos_are_found_by_ending_sorted_and_below(tmp_path):
    for name in ("b.mp4", "a.AVI", "deep/er/c.webm", "d.gif", "notes.txt", ".hidden.mp4", ".trash/e.mp4", "f.mkv.part"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_videos(tmp_path)]
    assert found == ["a.AVI", "b.mp4", "d.gif", "deep/er/c.webm"]


def test_what_a_person_can_get_wrong(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="no folder"):
        find_videos(tmp_path / "none")
    with pytest.raises(UserError, match="is a file"):
        find_videos(tmp_path / "notes.txt")
    with pytest.raises(UserError, match=r"No video lies in .*mp4"):
        find_videos(tmp_path)
