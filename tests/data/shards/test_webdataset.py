import io
import json
import tarfile

import pytest

from internvideo_pl.data.shards.webdataset import key_of_stem, samples_of, stem_of, stem_of_member, videos_of
from internvideo_pl.errors import UserError

KEYS = ["--aB_3-dE5f_000007_000017", "a/b c.mp4", "../up", "/abs", "100%_wool", "v1.2%2E", "日本", "", "a//b", "\udcff"]


@pytest.mark.parametrize("key", KEYS)
def test_any_key_has_a_name_that_comes_back_and_leads_nowhere(key):
    stem = stem_of(key)
    assert key_of_stem(stem) == key
    assert stem.isascii()
    assert not set(stem) & set("./\n\0 ")
    assert stem_of_member(f"{stem}.mp4") == (stem or ".")


def test_names_of_webdataset_end_at_the_first_dot_of_their_last_part():
    assert stem_of_member("a/b.c/key.seg.mp4") == "a/b.c/key"
    assert stem_of_member("./key.mp4") == "key"


def write(path, members: dict[str, bytes]) -> str:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return str(path)


def test_what_stands_beside_a_video_tells_of_it(tmp_path):
    tar = write(
        tmp_path / "a.tar",
        {
            "b.mp4": b"",
            "b.txt": "one sentence\n\n  étude \n".encode(),
            "a.mp4": b"",
            "a.json": json.dumps({"label": 3, "texts": ["x", "y"], "other": 1}).encode(),
            "c.webm": b"",
            "c.cls": b"17\n",
            "d.mp4": b"",
            "only.json": b"[]",
            "e.jpg": b"",
        },
    )
    told = {sample.key: (sample.label, sample.texts) for sample in samples_of(tar)}
    assert told == {"a": (3, ("x", "y")), "b": (-1, ("one sentence", "étude")), "c": (17, ()), "d": (-1, ())}
    assert [sample.path for sample in samples_of(tar)][:2] == [f"{tar}#a.mp4", f"{tar}#b.mp4"]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"a.mp4": b"", "a.json": b"{"}, r"a\.json does not hold what its ending says"),
        ({"a.mp4": b"", "a.json": b"[1]"}, r"a\.json does not hold"),
        ({"a.mp4": b"", "a.cls": b"dog"}, r"a\.cls does not hold"),
        ({"a.mp4": b"", "a.txt": b"\xff"}, r"a\.txt does not hold"),
        ({"a.mp4": b"", "a.webm": b""}, "two videos of one sample"),
    ],
)
def test_what_is_not_what_it_says_is_an_error(tmp_path, members, says):
    with pytest.raises(UserError, match=says):
        samples_of(write(tmp_path / "a.tar", members))


def test_no_archive_at_all(tmp_path):
    with pytest.raises(UserError, match="cannot be read as a tar shard"):
        videos_of(str(tmp_path / "none.tar"))
