"""What the miniatures write beside the videos: official columns, exact balance, sentences that say what is shown."""

import csv
import json
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from internvideo_pl.data.mini import describe, kinetics, msrvtt
from internvideo_pl.data.mini.layout import interleaved
from internvideo_pl.data.mini.world import COLOURS, MOTIONS, SHAPES, TEXTURES, WARM, Look
from internvideo_pl.text.tokenizer import ClipTokenizer


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def kinetics_lists(tmp_path_factory):
    folder, options = tmp_path_factory.mktemp("kinetics"), kinetics.KineticsMini()
    clips = kinetics.plan(0, options)
    kinetics.annotate(folder, clips, 0, options)
    return folder / "annotations", clips


@pytest.fixture(scope="module")
def msrvtt_files(tmp_path_factory):
    folder, options = tmp_path_factory.mktemp("msrvtt"), msrvtt.MsrvttMini()
    clips = msrvtt.plan(0, options)
    msrvtt.annotate(folder, clips, 0, options)
    return folder, clips


# --- Kinetics -----------------------------------------------------------------------------------------------------


def test_kinetics_columns_are_those_of_the_release(kinetics_lists):
    folder, _ = kinetics_lists
    heads = {path.name: path.read_text().splitlines()[0] for path in folder.iterdir()}
    assert heads == {
        "train.csv": "label,youtube_id,time_start,time_end,split,is_cc",
        "val.csv": "label,youtube_id,time_start,time_end,split,is_cc",
        "test.csv": "youtube_id,time_start,time_end,split",
    }


@pytest.mark.parametrize(("split", "each"), [("train", 134), ("val", 34)])
def test_kinetics_classes_are_exactly_balanced_and_so_are_duets(kinetics_lists, split, each):
    folder, clips = kinetics_lists
    counts = Counter(row["label"] for row in rows_of(folder / f"{split}.csv"))
    assert counts == {f"{colour} shape moving {motion}": each for colour, motion in product(WARM, MOTIONS)}
    looks = [clip.scene.looks for clip in clips if clip.split == split]
    assert set(Counter(pair[0].colour + pair[0].motion for pair in looks if len(pair) == 2).values()) == {each // 2}


def test_kinetics_classes_can_be_textures_instead():
    options = kinetics.KineticsMini(appearance="texture", train=10, val=5, test=1)
    keys = [(clip.split, clip.scene.looks[0]) for clip in kinetics.plan(0, options)]
    counts = Counter((split, describe.title(key, "texture")) for split, key in keys if split != "test")
    names = [f"{texture} shape moving {motion}" for texture, motion in product(TEXTURES[1:], MOTIONS)]
    assert counts == {(split, name): each for split, each in (("train", 10), ("val", 5)) for name in names}
    assert {key.colour for _, key in keys} == set(WARM)


def test_kinetics_rows_name_their_files_and_their_classes(kinetics_lists):
    folder, clips = kinetics_lists
    shown = {clip.path: describe.title(clip.scene.looks[0], "colour") for clip in clips}
    listed = {}
    for split in kinetics.SPLITS:
        for row in rows_of(folder / f"{split}.csv"):
            assert int(row["time_end"]) - int(row["time_start"]) == 10
            name = f"{row['youtube_id']}_{int(row['time_start']):06d}_{int(row['time_end']):06d}.mp4"
            listed[f"{row['split']}/{name}"] = row.get("label")
    assert set(listed) == set(shown)
    assert all(label in (None, shown[path]) for path, label in listed.items())


def test_kinetics_ids_hold_the_traps_of_real_ones(kinetics_lists):
    _, clips = kinetics_lists
    ids = [Path(clip.path).stem.rsplit("_", 2)[0] for clip in clips]
    assert len(set(ids)) == len(ids)
    assert {len(name) for name in ids} == {11}
    assert sum(name[0] == "-" for name in ids) > 5
    assert sum(name[0] == "_" for name in ids) > 5
    assert sum("_" in name[1:] for name in ids) > 100


def test_kinetics_lists_are_not_in_class_order(kinetics_lists):
    labels = [row["label"] for row in rows_of(kinetics_lists[0] / "train.csv")]
    assert len(set(labels[:40])) > 8


# --- MSR-VTT ------------------------------------------------------------------------------------------------------


def test_msrvtt_files_have_the_official_fields(msrvtt_files):
    folder, clips = msrvtt_files
    data = json.loads((folder / "MSRVTT_data.json").read_text())
    assert set(data) == {"info", "videos", "sentences"}
    fields = {"category", "url", "video_id", "start time", "end time", "split", "id"}
    assert all(set(video) == fields for video in data["videos"])
    assert all(set(said) == {"caption", "video_id", "sen_id"} for said in data["sentences"])
    assert [said["sen_id"] for said in data["sentences"]] == list(range(5 * 1400))
    assert {f"videos/all/{video['video_id']}.mp4" for video in data["videos"]} == {clip.path for clip in clips}
    assert (folder / "MSRVTT_JSFUSION_test.csv").read_text().splitlines()[0] == "key,vid_key,video_id,sentence"
    assert (folder / "MSRVTT_train.9k.csv").read_text().splitlines()[0] == "video_id"


def test_msrvtt_lists_share_no_video_and_test_videos_are_scattered(msrvtt_files):
    folder, _ = msrvtt_files
    train = [int(row["video_id"][5:]) for row in rows_of(folder / "MSRVTT_train.9k.csv")]
    test = [int(row["video_id"][5:]) for row in rows_of(folder / "MSRVTT_JSFUSION_test.csv")]
    assert sorted(train + test) == list(range(1400))
    assert len(test) == 200
    assert min(test) < 100
    assert max(test) > 1300


def test_test_captions_are_distinct_and_half_are_twins(msrvtt_files):
    folder, _ = msrvtt_files
    captions = [row["sentence"].split() for row in rows_of(folder / "MSRVTT_JSFUSION_test.csv")]
    assert len({" ".join(words) for words in captions}) == 200
    differences = Counter()
    for i, one in enumerate(captions):
        kinds = {_difference(one, other) for j, other in enumerate(captions) if i != j and len(one) == len(other)}
        differences.update(kinds & {"motion", "appearance"})
    assert differences["motion"] >= 50
    assert differences["appearance"] >= 50


def _difference(one: list[str], other: list[str]) -> str:
    changed = [word for word, instead in zip(one, other, strict=True) if word != instead]
    if len(changed) != 1:
        return "more"
    return "motion" if changed[0] in MOTIONS else "appearance"


def test_training_captions_say_what_their_video_shows(msrvtt_files):
    folder, clips = msrvtt_files
    looks = {Path(clip.path).stem: clip.scene.looks for clip in clips}
    said: dict[str, list[str]] = {}
    for sentence in json.loads((folder / "MSRVTT_data.json").read_text())["sentences"]:
        said.setdefault(sentence["video_id"], []).append(sentence["caption"])
    assert {len(captions) for captions in said.values()} == {5}
    for name, captions in said.items():
        for caption in captions[:-1]:
            for look in looks[name]:
                assert f"a {look.colour} {look.texture} {look.shape}" in caption
                assert _direction(caption, look) == look.motion
        key = looks[name][0]
        assert captions[-1] in (f"a {kind} shape moving {key.motion}" for kind in (key.colour, key.texture))


def _direction(caption: str, look: Look) -> str:
    """A reader of its own: the way that a sentence sends the thing, told by the nearest direction on its side."""
    words = {"rises": "up", "climbs": "up", "sinks": "down", "falls": "down"} | {motion: motion for motion in MOTIONS}
    halves = caption.replace(",", " and").replace(" as ", " and ").split(" and ")
    half = next(half for half in halves if f"{look.colour} {look.texture} {look.shape}" in half)
    (found,) = {words[word] for word in half.split() if word in words}
    return found


# --- sentences ----------------------------------------------------------------------------------------------------


def test_no_sentence_is_cut_off_by_the_tiny_text_tower():
    tokenizer = ClipTokenizer(vocab_size=1024, context_length=32)
    lengths = {word: len(tokenizer.encode(word)) for word in (*SHAPES, *TEXTURES, *COLOURS, *MOTIONS)}
    warm, cool = (sorted(group, key=lengths.get)[-1] for group in (list(WARM), list(set(COLOURS) - set(WARM))))
    shapes, textures = (sorted(group, key=lengths.get)[-2:] for group in (SHAPES, TEXTURES))
    rng = np.random.default_rng(0)
    longest = 0
    for one, two in product(MOTIONS, MOTIONS):
        pair = (Look(shapes[1], textures[1], warm, one), Look(shapes[0], textures[0], cool, two))
        for looks in (pair, pair[:1]):
            sentences = [describe.caption(looks), *describe.paraphrases(rng, looks, 60)]
            longest = max(longest, *(len(tokenizer.encode(sentence)) for sentence in sentences))
    assert longest <= 30  # 32 places, start and end token


@pytest.mark.parametrize(("count", "wordings"), [(2, 14), (1, 15)])
def test_paraphrases_vary(count, wordings):
    """Two things: 2 orders x (2 verbs x 2 joints + 2 other forms); one: 11 verbs, 2 ways to rise; and 2 short ones."""
    rng = np.random.default_rng(0)
    looks = (Look("disc", "plain", "red", "up"), Look("ring", "dotted", "blue", "left"))[:count]
    assert len({said for _ in range(40) for said in describe.paraphrases(rng, looks, 10)}) == wordings


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.7, 1.0])
def test_interleaved_is_an_exact_share(share):
    assert sum(interleaved(i, share) for i in range(200)) == round(200 * share)
