"""Clips of videos in every kind of place, through the clip datasets that training and tests use."""

from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from PIL import Image

from data_modules.own_videos import OwnVideos, OwnVideosConfig
from internvideo_pl.data.batch import Sample, collate
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig, EvaluationClips, TrainingClips
from internvideo_pl.data.index import SampleIndex
from internvideo_pl.data.order import Draw
from internvideo_pl.data.shards.pack import pack
from internvideo_pl.data.shards.webdataset import samples_of
from tests.data.clips import write_video

LENGTHS = {"1": 12, "20": 30, "300": 7}  # ids as in Something-Something V1, which are plain numbers


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path / "cache"))


def config(**changes) -> ClipConfig:
    values = {"num_frames": 4, "sampling": "segments", "size": 32, "short_side": 40, "batch_size": 2, "num_workers": 0}
    return ClipConfig(name="any", **(values | changes))


def grey(number: int) -> int:
    """Of frame `number`, from 0."""
    return 10 + number * 7


@pytest.fixture
def something(tmp_path) -> list[Sample]:
    """Folders of JPEG frames in the layout of Something-Something V1: <id>/00001.jpg and on, 100 pixels high."""
    root = tmp_path / "20bn-something-something-v1"
    for name, length in LENGTHS.items():
        (root / name).mkdir(parents=True)
        for number in range(length):
            picture = np.full((100, 176, 3), grey(number), np.uint8)
            Image.fromarray(picture).save(root / name / f"{number + 1:05d}.jpg", quality=95)
    return [Sample(str(root / name), name, label) for label, name in enumerate(LENGTHS)]


def levels(clip) -> list[float]:
    return clip.video.float().mean(dim=(1, 2, 3)).tolist()


def test_folders_of_frames_train_and_test_with_the_frames_of_the_protocol(something):
    """One frame a segment, its middle in tests: frame n of the sampling is picture n + 1."""
    clips = EvaluationClips(something, config(), FrameCache())
    for index, length in enumerate(LENGTHS.values()):
        middles = [int((part + 0.5) * length / 4) for part in range(4)]
        (clip,) = clips[index]
        assert levels(clip) == pytest.approx([grey(n) for n in middles], abs=2)
        assert (clip.index, clip.label) == (index, index)
    training = TrainingClips(something, config(crop="center", short_side=32), FrameCache(), seed=0, flip=False)
    for index, length in enumerate(LENGTHS.values()):
        for epoch in range(5):
            (clip,) = training[Draw(epoch, index)]
            numbers = [round((level - 10) / 7) for level in levels(clip)]
            assert levels(clip) == pytest.approx([grey(n) for n in numbers], abs=2)
            part = length // 4
            assert all(k * part <= n < (k + 1) * part for k, n in enumerate(numbers))
    assert collate([clips[0], clips[2]]).video.shape == (2, 4, 32, 32, 3)


def test_a_folder_that_lacks_a_frame_is_a_bad_video_like_any_other(something):
    (Path(something[1].path) / "00009.jpg").unlink()
    (clip,) = EvaluationClips(something, config(), FrameCache())[1]
    assert clip.video is None
    assert str(clip.faults[0]) == f"{something[1].path}: lacks frame 00009.jpg"
    (clip,) = TrainingClips(something, config(), FrameCache(), seed=0, flip=False)[Draw(0, 1)]
    assert clip.index != 1
    assert [fault.path for fault in clip.faults] == [something[1].path]


@pytest.fixture
def places(tmp_path) -> dict[str, Sample]:
    """One video in every kind of place that gives exactly its frames."""
    write_video(tmp_path / "v.mp4", frames=24)
    file = Sample(str(tmp_path / "v.mp4"), "v", 3, ("one", "two"))
    with fsspec.open("memory://v.mp4", "wb") as memory:
        memory.write((tmp_path / "v.mp4").read_bytes())
    pack("toy", [file], tmp_path / "shards")
    (packed,) = samples_of(str(tmp_path / "shards" / "shard-00000.tar"))
    assert (packed.key, packed.label, packed.texts) == ("v", 3, ("one", "two"))
    urls = {"file": f"file://{tmp_path}/v.mp4", "memory": "memory://v.mp4", "in place": "range+memory://v.mp4"}
    return {"plain": file, "shard": packed, **{name: Sample(url, "v", 3, ("one", "two")) for name, url in urls.items()}}


@pytest.mark.parametrize("changes", [{"sampling": "dense", "stride": 2}, {"cache_gb": 1.0}])
def test_clips_do_not_depend_on_where_a_video_lies(places, changes):
    plain = SampleIndex([places.pop("plain")])
    for name, sample in places.items():
        samples = SampleIndex([sample])
        here, there = (TrainingClips(s, config(**changes), FrameCache(), 1, False) for s in (plain, samples))
        for draw in (Draw(0, 0), Draw(3, 0)):
            (mine,), (yours,) = here[draw], there[draw]
            assert torch.equal(mine.video, yours.video), name
            assert (mine.text, mine.label) == (yours.text, yours.label)
        (mine,), (yours,) = (EvaluationClips(s, config(**changes), FrameCache())[0] for s in (plain, samples))
        assert torch.equal(mine.video, yours.video), name


def own(root: Path) -> OwnVideos:
    return OwnVideos(OwnVideosConfig(name="own_videos", num_frames=2, batch_size=1, num_workers=2), root)


def test_own_videos_may_lie_anywhere(something, places, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    Path(something[0].path).parent.rename(folder / "frames")
    (tmp_path / "shards").rename(folder / "shards")
    (tmp_path / "v.mp4").rename(folder / "a v.mp4")
    (folder / "broken.mp4").write_bytes(b"x")
    data = own(folder)
    split = data.split("train")
    assert [sample.key for sample in split.samples] == [
        *("a v.mp4", "frames/1", "frames/20", "frames/300", "shards/shard-00000.tar#v.mp4"),
    ]
    assert split.samples[-1].texts == ("one", "two")
    assert split.missing == ["broken.mp4"]
    assert sum(len(batch) for batch in data.train_dataloader()) == 5
    assert len(data.listed("train").samples) == 6


def test_own_videos_may_be_a_list_with_urls(places, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(f"v.mp4\nmemory://v.mp4\n{places['shard'].path}\nnone.mp4\n")
    split = own(path).split("train")
    assert [sample.path for sample in split.samples] == [
        *(str(tmp_path / "v.mp4"), "memory://v.mp4", places["shard"].path),
    ]
    assert split.missing == [str(tmp_path / "none.mp4")]
