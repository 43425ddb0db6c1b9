"""Multiple choice of MSR-VTT and of LSMDC in their official files."""

import json
from pathlib import Path

import pytest

from data_modules.lsmdc_mc import LSMDC_MC, LsmdcMc
from data_modules.msrvtt_mc import MSRVTT_MC, MsrVttMc
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.errors import UserError

OPTIONS = ["a dog runs", "a man sings", "", "سباق 🏁", "someone\x0bcooks"]


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def config(name: str) -> ClipConfig:
    return ClipConfig(name=name, num_frames=2, batch_size=2)


def line(**changes) -> str:
    return json.dumps({"clip_name": "video7010", "options": OPTIONS, "answer": 3, "qid": 0} | changes) + "\n"


# --- MSR-VTT ------------------------------------------------------------------------------------------------------

DATA = {
    "videos": [
        {"video_id": "video0", "split": "train"},
        {"video_id": "video6513", "split": "validate"},
        {"video_id": "video7010", "split": "test"},
    ],
    "sentences": [
        {"sen_id": 3, "video_id": "video7010", "caption": "not for training"},
        {"sen_id": 2, "video_id": "video0", "caption": "a dog runs"},
        {"sen_id": 1, "video_id": "video0", "caption": "it is running"},
        {"sen_id": 0, "video_id": "video6513", "caption": "held out"},
    ],
}


@pytest.mark.parametrize("videos", ["videos/all", "../msrvtt/TestVideo"])
def test_choices_with_odd_captions(tmp_path, videos):
    root = tmp_path / "msrvtt_mc"
    put(root / "msrvtt_mc_test.jsonl", line() + "\n" + line(qid=1, answer=0, clip_name="video7011"))
    put(root / videos / "video7010.mp4")
    split = MsrVttMc(config("msrvtt_mc"), root).read("test")
    (sample,) = split.samples
    assert (sample.key, sample.label, sample.annotation) == ("0", 3, {"options": OPTIONS})
    assert split.missing == ["1"]


@pytest.mark.parametrize("place", [".", "../msrvtt"])
def test_training_is_on_the_challenges_training_list(tmp_path, place):
    """1k-A's training list holds most of the test videos."""
    root = tmp_path / "msrvtt_mc"
    put(root / place / "MSRVTT_data.json", json.dumps(DATA))
    for name in ("video0", "video6513", "video7010"):
        put(root / f"videos/all/{name}.mp4")
    (sample,) = MsrVttMc(config("msrvtt_mc"), root).read("train").samples
    assert (sample.key, sample.texts) == ("video0", ("a dog runs", "it is running"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (line() + line(options=OPTIONS[:4]), "line 2: its options must be a list of 5 captions"),
        (line(answer=5), "line 1: its answer must be 0 to 4, not 5"),
        (line(options=[*OPTIONS[:4], None]), "line 1: its option must be text, not None"),
        (line() + "{'qid': 3}\n", "line 2: "),
        (line().replace("clip_name", "clip"), "line 1: it has no clip_name. Did you mean 'clip'?"),
    ],
)
def test_a_damaged_choice_is_named(tmp_path, text, says):
    put(tmp_path / "msrvtt_mc_test.jsonl", text)
    put(tmp_path / "videos/all/video7010.mp4")
    with pytest.raises(UserError) as error:
        MsrVttMc(config("msrvtt_mc"), tmp_path).read("test")
    assert says in str(error.value)


# --- LSMDC --------------------------------------------------------------------------------------------------------

CLIP = "3056_PUBLIC_ENEMIES_01.24.29.351-01.24.32.274"
TIMES = ["01.24.29.351", "01.24.32.274"] * 2
SENTENCES = ['SOMEONE says "Hey.', 'He sits down."', '""', "SOMEONE runs.", "She turns."]


def row(*more: str, clip: str = CLIP) -> str:
    return "\t".join([clip, *TIMES, *SENTENCES, *more]) + "\n"


def lsmdc(root: Path, test: str = "", train: str = "") -> LsmdcMc:
    put(root / "LSMDC16_multiple_choice_test_randomized.csv", test)
    put(root / "LSMDC16_multiple_choice_train.csv", train)
    return LsmdcMc(config("lsmdc_mc"), root)


@pytest.mark.parametrize("place", [".", "videos", "../lsmdc/avi"])
def test_lsmdc_quotes_are_characters_and_the_answer_counts_from_one(tmp_path, place):
    data = lsmdc(tmp_path / "lsmdc_mc", test=row("4") + row("1") + row("2", clip="1_Missing_00.00.00.000-00.00.01.000"))
    put(tmp_path / "lsmdc_mc" / place / "3056_PUBLIC_ENEMIES" / f"{CLIP}.avi")
    split = data.read("test")
    assert [sample.label for sample in split.samples] == [3, 0]
    assert [sample.key for sample in split.samples] == [CLIP, f"{CLIP}#2"]  # an id that comes twice
    assert split.samples[0].annotation == {"options": SENTENCES}
    assert split.missing == ["1_Missing_00.00.00.000-00.00.01.000"]


def test_lsmdc_training_rows_have_the_right_sentence_first(tmp_path):
    data = lsmdc(tmp_path, train=row())
    put(tmp_path / "3056_PUBLIC_ENEMIES" / f"{CLIP}.avi")
    (sample,) = data.read("train").samples
    assert (sample.label, sample.texts) == (0, (SENTENCES[0],))


@pytest.mark.parametrize(
    ("test", "says"),
    [
        (row("1") + row(), "line 2: it has 10 fields between tabs instead of 11"),
        (row("0"), "line 1: its answer must be one of 5 options"),
        (row("6"), "line 1: its answer must be one of 5 options"),
        (row("one"), "line 1: its answer must be a whole number"),
    ],
)
def test_a_damaged_lsmdc_row_is_named(tmp_path, test, says):
    with pytest.raises(UserError, match=says):
        lsmdc(tmp_path, test).read("test")


@pytest.mark.parametrize(("kind", "facts", "name"), [(MsrVttMc, MSRVTT_MC, "jsonl"), (LsmdcMc, LSMDC_MC, "randomized")])
def test_a_missing_list_names_source_layout_and_the_miniature(tmp_path, kind, facts, name):
    with pytest.raises(UserError) as error:
        kind(config("x"), tmp_path).read("test")
    for part in (facts.name, name, facts.url, "MINI=1"):
        assert part in str(error.value)


def test_facts():
    assert (MSRVTT_MC.splits["test"], LSMDC_MC.splits["test"]) == (2990, 10053)
