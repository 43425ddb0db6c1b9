"""Image-text shards as img2dataset writes them: what pairs with what, and pairs that are not whole."""

import io
import json
import tarfile

import pytest

from data_modules.image_text import ImageText, read_pairs
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.mini.encode import encode_picture
from internvideo_pl.data.mini.image_text import ImageTextMini, plan
from internvideo_pl.data.mini.render import render
from internvideo_pl.errors import UserError

PICTURE = encode_picture(render(plan(0, ImageTextMini(pairs=1))[0].scene, 64, 1))


def shard(path, members):
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            data = data if isinstance(data, bytes) else data.encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_pairs_and_what_is_wrong_with_others(tmp_path):
    path = shard(
        tmp_path / "00000.tar",
        {
            "000000000.jpg": PICTURE,
            "000000000.txt": "a  red\nboat",
            "000000000.json": json.dumps({"caption": "not this one"}),
            "000000001.jpeg": PICTURE,
            "000000001.json": json.dumps({"caption": "from the JSON", "width": 64}),
            "000000002.jpg": PICTURE,
            "000000003.txt": "no image",
            "000000004.jpg": PICTURE,
            "000000004.txt": " \n",
            "000000005.jpg": PICTURE,
            "000000005.json": json.dumps({"caption": None}),
            "000000006.jpg": PICTURE,
            "000000006.txt": b"\xff\xfe",
        },
    )
    found = read_pairs([path])
    assert [(sample.path, sample.key, sample.texts) for sample in found.samples] == [
        (f"{path}#000000000.jpg", "00000/000000000", ("a red boat",)),
        (f"{path}#000000001.jpeg", "00000/000000001", ("from the JSON",)),
    ]
    assert [str(fault).removeprefix(f"{path}#") for fault in found.faults] == [
        "000000002: has no caption, neither .txt nor .json",
        "000000003: has no image",
        "000000004: its caption is empty",
        "000000005: its caption is empty",
        "000000006: its caption cannot be read: UnicodeDecodeError",
    ]
    assert found.official == 7


def test_the_last_shard_is_held_out(tmp_path):
    for number in range(3):
        shard(tmp_path / f"{number:05d}.tar", {f"{number}.jpg": PICTURE, f"{number}.txt": "x"})
    config = ClipConfig(name="image_text", num_frames=1, sampling="segments", size=32, short_side=32, batch_size=2)
    config.num_workers = 0
    data = ImageText(config, tmp_path)
    assert [sample.key for sample in data.split("train").samples] == ["00000/0", "00001/1"]
    assert [sample.key for sample in data.split("test").samples] == ["00002/2"]
    assert next(iter(data.train_dataloader())).video.shape == (2, 1, 32, 32, 3)


def test_shards_that_are_missing_too_few_or_damaged(tmp_path):
    config = ClipConfig(name="image_text", num_frames=1, batch_size=2)
    with pytest.raises(UserError, match="image-text pairs was not found"):
        ImageText(config, tmp_path / "none").split("train")
    shard(tmp_path / "0.tar", {"0.jpg": PICTURE, "0.txt": "x"})
    with pytest.raises(UserError, match="holds one shard"):
        ImageText(config, tmp_path).split("train")
    (tmp_path / "1.tar").write_bytes(b"not a tar" * 100)
    with pytest.raises(UserError, match=r"1.tar cannot be read as a shard of pairs"):
        ImageText(config, tmp_path).split("test")
