import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.video.sources import find_sources, find_videos, read_list


def touch(root, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_videos_are_found_by_ending_sorted_and_below(tmp_path):
    names = "b.mp4", "a.AVI", "deep/er/c.webm", "d.gif", "notes.txt", ".hidden.mp4", ".trash/e.mp4", "f.mkv.part"
    touch(tmp_path, *names)
    found = [path.relative_to(tmp_path).as_posix() for path in find_videos(tmp_path)]
    assert found == ["a.AVI", "b.mp4", "d.gif", "deep/er/c.webm"]


@pytest.mark.parametrize("find", [find_videos, find_sources])
def test_what_a_person_can_get_wrong(tmp_path, find):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="no folder"):
        find(tmp_path / "none")
    with pytest.raises(UserError, match="is a file"):
        find(tmp_path / "notes.txt")
    with pytest.raises(UserError, match=r"No video lies in .*mp4"):
        find(tmp_path)


def test_files_folders_of_pictures_and_members_of_shards_are_videos(tmp_path, write_tar):
    touch(tmp_path, "v/a.mp4", "v/00001.jpg", "f/one/00001.jpg", "f/one/00002.jpg", "f/two/img_1.PNG", "f/.x/1.jpg")
    touch(tmp_path, "f/other/picture.jpg", "f/readme.txt")
    write_tar(("k.mp4", b""), ("k.json", b""), ("d/l.webm", b""))
    found = [location.removeprefix(f"{tmp_path}/") for location in find_sources(tmp_path)]
    assert found == ["f/one", "f/two", "shard.tar#d/l.webm", "shard.tar#k.mp4", "v/a.mp4"]


def test_an_archive_that_cannot_be_read_stops_the_search(tmp_path):
    (tmp_path / "a.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(UserError, match=r"a\.tar cannot be read as a tar shard"):
        find_sources(tmp_path)


def test_a_list_names_files_and_urls(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# mine\n\na.mp4\n  /abs/b.mp4 \ns3://bucket/c.mp4\nshard.tar#d.mp4\n")
    assert read_list(path) == [
        *(f"{tmp_path}/a.mp4", "/abs/b.mp4"),
        *("s3://bucket/c.mp4", f"{tmp_path}/shard.tar#d.mp4"),
    ]
    path.write_text("# nothing\n")
    with pytest.raises(UserError, match="names no video"):
        read_list(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_list(tmp_path / "none.txt")
