"""Ego4D's natural-language queries: the official list, its clips, what is wrong with it, and a run on the miniature."""

import json
from pathlib import Path

import pytest

from data_modules.ego4d import TEST
from data_modules.ego4d_nlq import Ego4dNlq, Ego4dNlqConfig, canonical, read_clips
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError

TIMES = {"clip_start_sec": 3.0, "clip_end_sec": 5.5}


def put(root: Path, queries: list, split: str = "val", video: dict | None = None, **clip) -> Path:
    entry = {
        "clip_uid": "c-uid",
        "video_start_sec": 100.0,
        "video_end_sec": 580.0,
        "annotations": [{"annotation_uid": "a-uid", "language_queries": queries}],
        **clip,
    }
    content = {"version": "1", "videos": [{"video_uid": "v-uid", "clips": [entry], **(video or {})}]}  # without "split"
    path = root / "v1/annotations" / f"nlq_{'test_unannotated' if split == 'test' else split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def data(root: Path, files: dict | None = None, **changes) -> Ego4dNlq:
    config = Ego4dNlqConfig(name="ego4d_nlq", batch_size=2, **{"sampling": "dense"} | changes)
    found = Ego4dNlq(config, root)
    if files is not None:
        found.use_features(files)
    return found


def test_queries_with_features_of_their_clip(tmp_path):
    empty = {"query": "", **TIMES}
    put(tmp_path, [{"query": " Where is it?? ", **TIMES}, empty, {**TIMES}, {"query": "what", **TIMES}])
    split = data(tmp_path, {"c-uid": "f.safetensors"}).split("test")
    assert [(s.key, s.texts, s.path) for s in split.samples] == [
        ("c-uid/a-uid/0", ("where is it?",), "f.safetensors"),
        ("c-uid/a-uid/3", ("what?",), "f.safetensors"),
    ]
    assert split.samples[1].annotation == {
        "clip_uid": "c-uid",
        "annotation_uid": "a-uid",
        "query_idx": 3,  # counted with the empty ones, as the official evaluator does
        "query": "what?",
        "window": [3.0, 5.5],
        "duration": 480.0,
    }
    assert split.missing == ["c-uid/a-uid/1", "c-uid/a-uid/2"]
    assert data(tmp_path).unanswerable() == split.missing
    assert data(tmp_path, {"other": "g"}).read("test").missing == [f"c-uid/a-uid/{i}" for i in range(4)]


def test_before_there_are_features_queries_stand_where_their_clips_are(tmp_path):
    put(tmp_path, [{"query": "what", **TIMES}])
    assert data(tmp_path).read("test").missing == ["c-uid/a-uid/0"]
    (tmp_path / "v1/clips").mkdir()
    (tmp_path / "v1/clips/c-uid.mp4").touch()
    (sample,) = data(tmp_path).read("test").samples
    assert sample.path == str(tmp_path / "v1/clips/c-uid.mp4")
    with pytest.raises(UserError, match="localised from features"):
        data(tmp_path).test_dataloader()


def test_training_leaves_out_what_cannot_be_learned(tmp_path):
    point = {"query": "when", "clip_start_sec": 3.0, "clip_end_sec": 3.03}
    put(tmp_path, [{"query": "", **TIMES}, point, {"query": "what", **TIMES}], "train")
    files = {"c-uid": "f"}
    assert [s.annotation["query_idx"] for s in data(tmp_path, files).split("train").samples] == [2]
    assert [s.annotation["query_idx"] for s in data(tmp_path, files, skip_empty=False).split("train").samples] == [1, 2]


def test_the_test_list_has_no_times(tmp_path):
    put(tmp_path, [{"query": "what"}], "test")
    (sample,) = data(tmp_path, {"c-uid": "f"}, test_on="test").split("test").samples
    assert sample.annotation["window"] is None
    put(tmp_path, [{"query": "what"}])
    with pytest.raises(UserError, match="has no 'clip_start_sec'"):
        data(tmp_path, {"c-uid": "f"}).split("test")


@pytest.mark.parametrize(
    ("place", "stretch"), [("v1/clips/c-uid.mp4", ""), ("full_scale/v-uid.mp4", "#t=100.000,580.000")]
)
def test_clips_are_files_or_stretches_of_videos(tmp_path, place, stretch):
    put(tmp_path, [{"query": "what", **TIMES}])
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).touch()
    (sample,) = data(tmp_path, sampling="windows").split("test").samples
    assert (sample.key, sample.path) == ("c-uid", str(tmp_path / place) + stretch)


def test_a_clip_that_begins_just_before_its_video_is_read_from_its_start(tmp_path):
    put(tmp_path, [{"query": "what", **TIMES}], video_start_sec=-0.01)
    (tmp_path / "full_scale").mkdir()
    (tmp_path / "full_scale/v-uid.mp4").touch()
    (sample,) = data(tmp_path, sampling="windows").split("test").samples
    assert sample.path.endswith("#t=0.000,580.000")


@pytest.mark.parametrize(
    ("queries", "changes", "sentence"),
    [
        ([{"query": 5, **TIMES}], {}, r"language_queries\[0\].query, is 5, not a question"),
        ([{"query": "a", "clip_start_sec": "0"}], {}, "clip_start_sec, is '0', not a number"),
        ([], {"video_end_sec": 100.0}, r"videos\[0\].clips\[0\], ends at second 100 of its video"),
        ([], {"annotations": None}, r"clips\[0\], has no 'annotations'"),
        ([], {"clip_uid": ""}, "clip_uid, is '', not a name"),
        (3, {}, "language_queries, is no list"),
    ],
)
def test_a_bad_entry_is_named_by_file_and_place(tmp_path, queries, changes, sentence):
    path = put(tmp_path, queries, **changes)
    with pytest.raises(UserError, match=sentence) as error:
        list(read_clips(tmp_path, "val"))
    assert str(path) in str(error.value)


def test_questions_are_written_alike():
    assert [canonical(q) for q in ("What?", " what ", "WHAT??", "", "  ")] == ["what?", "what?", "what?", "", ""]


def test_the_miniature_is_read(tmp_path):
    root = make_mini("ego4d_nlq", tmp_path, train=8, val=2, test=1, frames=64, workers=1)
    files = {clip.key: "f" for split in ("train", "val", TEST) for clip, *_ in read_clips(root, split)}
    assert len(files) == 11
    train = data(root, files).split("train")
    assert all(0 <= s.annotation["window"][0] < s.annotation["window"][1] <= 8 for s in train.samples)
    assert len({s.texts for s in train.samples}) > 8
    assert data(root, files, sampling="windows").split("test").official == 2
