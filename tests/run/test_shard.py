"""`shard` from the command line: a benchmark's lists read from shards are the lists read from files."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from internvideo_pl.__main__ import main
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import EvaluationClips
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.shards import gain
from internvideo_pl.errors import UserError
from internvideo_pl.run.build import build_data
from internvideo_pl.run.shard import _whole
from internvideo_pl.run.stages import load_stages
from tests.data.clips import write_video

EXPERIMENTS = {"kinetics400": "posttrain/k400_masked_base", "msrvtt": "pretrain/align_msrvtt_base"}
SIZES = {"kinetics400": {"train": 1, "val": 1, "test": 1}, "msrvtt": {"train": 12, "test": 4}}


def shard(*words: str) -> int:
    return main(["shard", *words])


@pytest.fixture(params=EXPERIMENTS)
def dataset(request) -> str:
    return request.param


@pytest.fixture
def root(dataset, tmp_path) -> Path:
    """A small miniature, one of whose test videos is missing and one of whose training videos is damaged."""
    folder = tmp_path / dataset
    shutil.copytree(make_mini(dataset, tmp_path / "cache", workers=1, **SIZES[dataset]), folder)
    data = read(dataset, folder)
    Path(data.split("test").samples[1].path).unlink()
    Path(data.split("train").samples[2].path).write_bytes(b"no video")
    return folder


def read(dataset: str, root: Path, *overrides: str) -> VideoData:
    settings = ["data.num_workers=0", "data.batch_size=2", *overrides]
    _, (experiment,) = load_stages(EXPERIMENTS[dataset], settings, True, str(root))
    return build_data(experiment, FrameCache())


def test_lists_find_their_videos_in_shards_and_nothing_is_lost_in_silence(dataset, root, tmp_path, capsys):
    files = read(dataset, root)
    gone, damaged = files.split("test").missing[0], files.split("train").samples[2].key
    assert shard(EXPERIMENTS[dataset], "--mini", "--data", str(root), "--jobs", "1") == 0
    folder = tmp_path / f"{dataset}-shards"
    printed = capsys.readouterr().out
    assert f"read them with ARGS=data.shards={folder}" in printed
    assert "not in them: 1 not on disk, 1 that cannot be read" in printed
    assert f"  {damaged}: " in printed
    told = json.loads((folder / "shards.json").read_text())
    assert told["missing"] == [gone]

    packed = read(dataset, root, f"data.shards={folder}")
    for split in ("train", "val", "test"):
        mine, yours = files.read(split), packed.read(split)
        here = [(s.key, s.label, s.texts) for s in mine.samples if s.key != damaged]
        assert [(s.key, s.label, s.texts) for s in yours.samples] == here
        assert all(s.path.startswith(f"{folder}/shard-00000.tar#") for s in yours.samples)
        assert sorted(yours.missing) == sorted([*mine.missing, *([damaged] if split == "train" else [])])
        assert yours.official == mine.official
    assert packed.protocol == files.protocol
    clips = [EvaluationClips(d.split("test").samples, d.config, FrameCache()) for d in (files, packed)]
    assert all(torch.equal(clips[0][i][0].video, clips[1][i][0].video) for i in range(3))
    for video in root.rglob("*.mp4"):
        video.unlink()  # only the lists are needed now
    batch = next(iter(read(dataset, root, f"data.shards={folder}").train_dataloader()))
    assert len(batch) == 2
    assert not batch.faults


@pytest.mark.parametrize("dataset", ["kinetics400"], indirect=True)
def test_numbers_from_re_encoded_videos_are_another_protocol(dataset, root, tmp_path, capsys):
    to = tmp_path / "small"
    assert shard(dataset, "--data", str(root), "--to", str(to), "--reencode", "--size", "32", "--gop", "4") == 0
    assert "not in them" in capsys.readouterr().out
    packed = read(dataset, root, f"data.shards={to}")
    assert packed.protocol != read(dataset, root).protocol
    assert packed.protocol["videos"] == "re-encoded, size 32, gop 4, crf 23, b_frames 3"
    assert next(iter(packed.test_dataloader())).video.shape[0] > 0


def test_own_videos_are_read_by_naming_their_shards(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(gain, "SECONDS", 0.1)
    folder = tmp_path / "mine"
    (folder / "deep").mkdir(parents=True)
    for name in ("a.mp4", "deep/b.mkv", "c.mp4"):
        write_video(folder / name, frames=10)
    assert shard("pretrain/own_videos", "--data", str(folder), "--measure", "data.num_workers=0") == 0
    printed = capsys.readouterr().out
    assert f"own_videos: 3 videos in 1 shard, 0.00 GB, {tmp_path}/mine-shards" in printed
    assert f"read them with DATA={tmp_path}/mine-shards" in printed
    assert "ms of a core before" in printed
    assert "clips/s before" in printed
    _, (experiment,) = load_stages("pretrain/own_videos", [], False, f"{tmp_path}/mine-shards")
    found = build_data(experiment, FrameCache()).split("train").samples
    assert [sample.key for sample in found] == [
        f"shard-00000.tar#{name}" for name in ("a%2Emp4.mp4", "c%2Emp4.mp4", "deep%2Fb%2Emkv.mkv")
    ]
    _, (experiment,) = load_stages("pretrain/own_videos", [f"data.shards={tmp_path}"], False, str(folder))
    with pytest.raises(UserError, match="DATA="):
        build_data(experiment, FrameCache()).split("train")


def test_of_stretches_of_a_long_video_the_whole_is_packed_and_of_pictures_nothing():
    narrations = [Sample(f"films/x.1.mp4#t={n}.0,{n + 2}.5", f"x.1_{n}", texts=("now",)) for n in range(3)]
    assert {_whole(sample) for sample in narrations} == {Sample("films/x.1.mp4", "x.1")}
    assert _whole(Sample("a.mp4", "key", 3)) == Sample("a.mp4", "key", 3)
    with pytest.raises(UserError, match="single picture"):
        _whole(Sample("shard.tar#a.jpg", "a"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["kinetic400"], "Did you mean 'kinetics400'?"),
        (["demo"], "demo runs several experiments"),
        (["own_videos"], "make shard NAME=own_videos DATA=<folder>"),
        (["kinetics400", "--data", "/does/not/exist"], "Kinetics-400 was not found"),
        (["kinetics400", "data.size=3"], "key=value changes an experiment"),
        (["kinetics400", "--gop", "8"], r"gop say how videos are re-encoded: add --reencode"),
        (["kinetics400", "--reencode", "--gop", "0"], "GOP=0 must be from 1 to 1000"),
        (["kinetics400", "--jobs", "0"], "--jobs 0 must be at least 1"),
        ([], "Which dataset?"),
    ],
)
def test_mistakes_are_one_sentence(words, says, capsys):
    assert shard(*words) == 2
    assert says in capsys.readouterr().err


def test_shards_that_are_not_there_are_an_error_before_anything_is_read(tmp_path):
    _, (experiment,) = load_stages(EXPERIMENTS["kinetics400"], [f"data.shards={tmp_path}"], True, str(tmp_path))
    with pytest.raises(UserError, match="holds no shards"):
        assert build_data(experiment, FrameCache()).shards
