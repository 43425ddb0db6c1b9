"""The miniatures of the text-video sets: official files, distinct test queries, traps of the real ones."""

import json
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data_modules.didemo import read_didemo
from data_modules.msrvtt import read_msrvtt
from internvideo_pl.data.mini import activitynet_captions, didemo, lsmdc, msrvtt, msvd, vatex
from internvideo_pl.data.mini.captioned import CaptionedMini, of_split, plan
from internvideo_pl.data.mini.describe import paragraph
from internvideo_pl.data.mini.layouts import MINIS
from internvideo_pl.data.mini.world import WARM, sample_look, sample_other
from internvideo_pl.text.tokenizer import ClipTokenizer

LAYOUTS = {
    "msvd": msvd.LAYOUT,
    "lsmdc": lsmdc.LAYOUT,
    "activitynet_captions": activitynet_captions.LAYOUT,
    "didemo": didemo.LAYOUT,
    "vatex": vatex.LAYOUT,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, tuple[Path, list]]:
    """Annotations of every miniature at its default size, without the videos."""
    found = {}
    for name, layout in LAYOUTS.items():
        folder, options = tmp_path_factory.mktemp(name), layout.options()
        clips = layout.plan(0, options)
        layout.annotate(folder, clips, 0, options)
        found[name] = folder, clips
    return found


@pytest.mark.parametrize("name", LAYOUTS)
def test_splits_have_their_sizes_and_the_test_shows_what_training_never_did(made, name):
    _, clips = made[name]
    assert Counter(clip.split for clip in clips) == {"train": 600, "val": 20, "test": 120}
    assert len({clip.path for clip in clips}) == 740
    assert len({clip.scene.looks for clip in of_split(clips, "test")}) == 120
    trained = {look for clip in clips for look in clip.scene.looks if clip.split != "test"}
    assert not trained & {look for clip in of_split(clips, "test") for look in clip.scene.looks}


def test_msvds_pickle_holds_lists_of_words_in_unlike_numbers(made):
    folder, clips = made["msvd"]
    told = pickle.loads((folder / "raw-captions.pkl").read_bytes())
    assert set(told) == {Path(clip.path).stem for clip in clips}
    assert {len(said) for said in told.values()} == {4, 5, 6}
    assert all(isinstance(word, str) and " " not in word for said in told.values() for words in said for word in words)


def test_vatex_mixes_both_halves_in_one_file(made):
    folder, clips = made["vatex"]
    entries = json.loads((folder / "vatex_validation_v1.0.json").read_text())
    ids = [entry["videoID"] for entry in entries]
    test = {Path(clip.path).stem for clip in of_split(clips, "test")}
    assert len(ids) == 140
    assert 0 < sum(name in test for name in ids[:20]) < 20
    assert {(len(entry["enCap"]), len(entry["chCap"])) for entry in entries} == {(10, 10)}


def test_lsmdc_has_second_lines_and_lone_quotation_marks(made):
    folder, _ = made["lsmdc"]
    rows = [line.split("\t") for line in (folder / lsmdc.LISTS["train"]).read_text().splitlines()]
    assert {len(row) for row in rows} == {6}
    assert len(rows) == 660
    assert sum(row[-1].count('"') == 1 for row in rows) == 60
    assert (
        len({row[-1] for row in (line.split("\t") for line in (folder / lsmdc.LISTS["test"]).read_text().splitlines())})
        == 120
    )


def test_activitynet_has_a_second_description_of_some_videos_and_an_impossible_time(made):
    folder, _ = made["activitynet_captions"]
    train, first, second = (json.loads((folder / f"{name}.json").read_text()) for name in ("train", "val_1", "val_2"))
    assert len(first) == 2 * len(second)
    assert second.keys() < first.keys()
    late = [key for key, entry in train.items() if any(end > entry["duration"] for _, end in entry["timestamps"])]
    assert len(late) == 1
    assert all(len(entry["sentences"]) == len(entry["timestamps"]) == 2 for entry in train.values())


def test_didemos_names_are_all_found_where_some_differ_in_their_ending_alone(made):
    folder, clips = made["didemo"]
    for clip in clips:
        (folder / clip.path).parent.mkdir(exist_ok=True)
        (folder / clip.path).touch()
    found = read_didemo(folder, "test")
    names = [sample.key for sample in found.samples]
    assert (len(names), found.missing) == (120, [])
    assert sum(name.endswith(".") for name in names) == 24
    assert max(Counter(name.rpartition(".")[0] for name in names).values()) == 2
    assert len({sample.path for sample in found.samples}) == 120


def test_no_sentence_of_a_paragraph_says_everything_and_the_tiny_text_tower_cuts_none_off():
    rng, tokenizer = np.random.default_rng(0), ClipTokenizer(vocab_size=1024, context_length=32)
    longest = 0
    for index in range(1000):
        key = sample_look(rng, "train", colour=WARM)
        looks = (key, sample_other(rng, "train", key)) if index % 2 else (key,)
        said = paragraph(rng, looks)
        assert len(said) == 2
        longest = max(longest, len(tokenizer.encode(". ".join(said) + ".")))
    assert longest <= 30


def test_two_videos_of_one_name_are_a_mistake_of_the_layout():
    with pytest.raises(AssertionError, match="two videos are called"):
        plan(0, CaptionedMini(train=2, val=0, test=2), lambda rng, number: "videos/a.mp4")


def test_msrvtts_older_training_list_is_a_part_of_the_newer_one(tmp_path):
    options = msrvtt.MsrvttMini(train=90, test=4)
    trained = {}
    for name, train in (("msrvtt", "9k"), ("msrvtt_7k", "7k")):
        root, layout = tmp_path / name, MINIS[name]
        clips = layout.plan(0, options)
        (root / msrvtt.FOLDER).mkdir(parents=True)
        for clip in clips:
            (root / clip.path).touch()
        layout.annotate(root, clips, 0, options)
        assert [path.name for path in root.glob("MSRVTT_train*")] == [f"MSRVTT_train.{train}.csv"]
        trained[train] = {sample.key for sample in read_msrvtt(root, "train", train=train).samples}
        assert len(read_msrvtt(root, "test").samples) == 4
    assert trained["7k"] < trained["9k"]
    assert (len(trained["7k"]), len(trained["9k"])) == (70, 90)
