"""MSRVTT-QA, MSVD-QA and TGIF-QA in their official files: real rows, traps, and damage by name."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from data_modules.msrvtt_qa import MSRVTT_QA, MsrVttQa, MsrVttQaConfig, kind_of
from data_modules.msvd_qa import MSVD_QA, MsvdQa, MsvdQaConfig, read_mapping
from data_modules.tgif_qa import (
    TGIF_FRAMEQA,
    TgifAction,
    TgifConfig,
    TgifCount,
    TgifQa,
    TgifQaConfig,
    TgifTransition,
    is_held_out,
)
from internvideo_pl.data.questions import OTHER, most_frequent, read_answers
from internvideo_pl.errors import UserError
from tests.data.clips import write_video
from tests.data_modules.real import ABSENT, VIDEOLANG

real = pytest.mark.skipif(not VIDEOLANG.is_dir(), reason=ABSENT)


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def records(*rows: tuple[str, str, int], start: int = 0) -> str:
    """Official records of (question, answer, video)."""
    entries = [
        {"question": question, "answer": answer, "video_id": video, "id": start + number}
        for number, (question, answer, video) in enumerate(rows)
    ]
    return json.dumps(entries)


TRAIN = records(("what runs?", "dog", 0), ("who sings?", "man", 0), ("what is it?", "man", 7), ("how big?", "two", 7))
TEST = records(("what swims?", "fish", 7010), ("who talks?", "man", 7011), ("is it?", "dog", 7010), start=4)


def msrvtt(root: Path, **changes) -> MsrVttQa:
    put(root / "train_qa.json", TRAIN)
    put(root / "test_qa.json", TEST)
    return MsrVttQa(MsrVttQaConfig(name="msrvtt_qa", num_frames=2, batch_size=2, **changes), root)


# --- MSRVTT-QA ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["videos/all", "TestVideo", "../msrvtt/videos/all"])
def test_one_sample_a_question_with_its_answer_as_label(tmp_path, place):
    data = msrvtt(tmp_path / "msrvtt_qa")
    paths = [put(tmp_path / "msrvtt_qa" / place / f"video{n}.mp4") for n in (7010, 7011)]
    split = data.read("test")
    assert [sample.key for sample in split.samples] == ["4", "5", "6"]
    assert [Path(sample.path).resolve() for sample in split.samples] == [paths[n].resolve() for n in (0, 1, 0)]
    assert [sample.texts for sample in split.samples] == [("what swims?",), ("who talks?",), ("is it?",)]
    assert [sample.label for sample in split.samples] == [-1, 0, 1]  # no training answer is "fish"
    assert [sample.annotation["kind"] for sample in split.samples] == ["what", "who", "other"]
    assert data.classes == ["man", "dog", "two", OTHER]
    assert data.protocol["vocabulary"] == 3
    assert data.usual == {"": 0, "what": 1, "who": 0, "how": 2}


def test_all_questions_of_a_missing_video_are_missing(tmp_path):
    data = msrvtt(tmp_path)
    put(tmp_path / "videos/all/video7011.mp4")
    split = data.read("test")
    assert ([sample.key for sample in split.samples], split.missing, split.official) == (["5"], ["4", "6"], 3)


def test_the_vocabulary_is_cut_and_ties_keep_their_first_use(tmp_path):
    assert msrvtt(tmp_path, vocabulary=2).answers == ["man", "dog"]
    assert most_frequent(["b", "a", "c", "a", "d", "c"], 3) == ["a", "c", "b"]
    assert most_frequent(["b", "a", "a"], None) == ["a", "b"]
    with pytest.raises(UserError, match="at least 1, or null"):
        msrvtt(tmp_path, vocabulary=0)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ('[{"question": "what?", "video_id": 1, "id": 0}]', "test_qa.json, record 1: it has no answer"),
        ('[{"question": "what?", "answer": "", "video_id": 1, "id": 0}]', "record 1: its answer is empty"),
        ('[{"question": "what?", "answer": "a", "video_id": "video1", "id": 0}]', "video_id must be a whole number"),
        ('[{"question": "\\ud800", "answer": "a", "video_id": 1, "id": 0}]', "half of a surrogate pair"),
        (records(("a?", "b", 1)) + records(("a?", "b", 1)), "not JSON"),
        (records(("a?", "b", 1), ("c?", "d", 1)).replace('"id": 1', '"id": 0'), "record 2: its id 0 is that of"),
    ],
)
def test_a_damaged_record_is_named(tmp_path, broken, says):
    data = msrvtt(tmp_path)
    put(tmp_path / "test_qa.json", broken)
    with pytest.raises(UserError) as error:
        data.read("test")
    assert says in str(error.value)


def test_a_missing_list_names_source_layout_and_the_miniature(tmp_path):
    with pytest.raises(UserError) as error:
        MsrVttQa(MsrVttQaConfig(name="msrvtt_qa", num_frames=2, batch_size=2), tmp_path).read("test")
    for part in ("MSRVTT-QA", "test_qa.json", MSRVTT_QA.url, "MINI=1"):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("question", "kind"),
    [("What is it?", "what"), ("who sings?", "who"), ("", "other"), ("whose dog?", "other"), ("  how many?", "how")],
)
def test_kind_is_the_first_word(question, kind):
    assert kind_of(question) == kind


def official(path: Path) -> str:
    """Rows of a public CSV copy of the lists in the form of the official JSON."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    entry = lambda row: {  # noqa: E731
        "question": row["question"] + "?",
        "answer": row["answer"],
        "id": int(row["qid"]),
        "video_id": int(row["video"]),
    }
    return json.dumps([entry(row) for row in rows])


@real
@pytest.mark.parametrize(("split", "first"), [("val", None), ("test", ("170859", "video7010", "regard"))])
def test_real_questions_of_msrvtt(tmp_path, split, first):
    data = msrvtt(tmp_path)
    put(tmp_path / f"{split}_qa.json", official(VIDEOLANG / "msrvtt_qa" / f"hqga_{split}.head60.csv"))
    questions = list(data.questions(split))
    assert len({question.key for question in questions}) == 60
    assert first in (None, (questions[0].key, questions[0].video, questions[0].answer))
    low, high = {"val": (6513, 7009), "test": (7010, 9999)}[split]  # where the challenge's splits lie
    assert all(low <= int(question.video.removeprefix("video")) <= high for question in questions)
    assert {question.kind for question in questions} <= {"what", "who", "how", "when", "where"}


# --- MSVD-QA ------------------------------------------------------------------------------------------------------


def msvd(root: Path, mapping: str = "-4wsu_5_15 vid1\nabc_0_9 vid2\n") -> MsvdQa:
    put(root / "youtube_mapping.txt", mapping)
    put(root / "train_qa.json", records(("what eats?", "squirrel", 1)))
    put(root / "test_qa.json", records(("what eats?", "squirrel", 1), ("who?", "man", 2)))
    return MsvdQa(MsvdQaConfig(name="msvd_qa", num_frames=2, batch_size=2), root)


@pytest.mark.parametrize(
    "place", ["YouTubeClips/-4wsu_5_15.avi", "../msvd/YouTubeClips/-4wsu_5_15.avi", "videos/vid1.mp4"]
)
def test_msvd_videos_are_found_through_the_mapping(tmp_path, place):
    data = msvd(tmp_path / "msvd_qa")
    path = put(tmp_path / "msvd_qa" / place)
    split = data.read("test")
    assert [Path(sample.path).resolve() for sample in split.samples] == [path.resolve()]
    assert split.missing == ["1"]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("one vid1\ntwo words vid2\n", "line 2: 'two words vid2' is not of the form"),
        ("one vid1\n\ntwo vid1\n", "line 3: vid1 comes a second time"),
        ("one vid1\n", "does not name vid2"),
    ],
)
def test_a_damaged_mapping_is_named(tmp_path, mapping, says):
    with pytest.raises(UserError, match=says):
        msvd(tmp_path, mapping).read("test")


def test_msvd_mapping_is_read_as_published(tmp_path):
    path = put(tmp_path / "m.txt", "-4wsuPCjDBc_5_15 vid1\r\n-7KMZQEsJW4_205_208 vid2\r\n")
    assert read_mapping(path) == {"vid1": "-4wsuPCjDBc_5_15", "vid2": "-7KMZQEsJW4_205_208"}


@real
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_real_questions_of_msvd(tmp_path, split):
    data = msvd(tmp_path)
    put(tmp_path / f"{split}_qa.json", official(VIDEOLANG / "msvd_qa" / f"hqga_{split}.head60.csv"))
    questions = list(data.questions(split))
    assert len(questions) == 60
    assert len({question.key for question in questions}) == 60
    first = {"train": "vid1", "val": "vid1201", "test": "vid1451"}[split]  # where the splits begin
    assert questions[0].video == first


@real
def test_real_vocabularies_have_the_sizes_of_the_facts():
    lines = (VIDEOLANG / "msvd_qa" / "answer_set_top1000_from_train.txt").read_text().split()
    assert (len(lines), lines[:5]) == (MsvdQaConfig.vocabulary, ["man", "woman", "person", "someone", "two"])
    for name, size in (
        ("tgif_qa/hqga_frameqa_ans_word_1540", 1540),
        ("msvd_qa/hqga_ans_word_1852", 1852),
        ("msrvtt_qa/hqga_ans_word_4000", 4000),
    ):
        assert len(read_answers(VIDEOLANG / f"{name}.json")) == size  # as a released classifier's would be read
    assert sum(MSVD_QA.splits.values()) == 50505


# --- TGIF-QA ------------------------------------------------------------------------------------------------------

FRAMEQA = "gif_name\tquestion\tanswer\ttype\tvid_id\tkey\tdescription\r\n"
CHOICE = "gif_name\tquestion\ta1\ta2\ta3\ta4\ta5\tanswer\tvid_id\tkey\r\n"


def tgif(root: Path, kind: type = TgifQa, test_on: str = "test"):
    config = TgifQaConfig if kind is TgifQa else TgifConfig
    return kind(config(name="tgif", num_frames=2, batch_size=2, test_on=test_on), root)


def test_frameqa_rows_with_types_and_gifs(tmp_path):
    row = "tumblr_{0}\thow many {0} ?\t{1}\t1\tFRAMEQA{2}\t{2}\t{1} of them .\r\n"
    put(
        tmp_path / "dataset/Train_frameqa_question.csv", FRAMEQA + row.format("a", "two", 1) + row.format("b", "two", 2)
    )
    put(tmp_path / "dataset/Test_frameqa_question.csv", FRAMEQA + row.format("c", "two", 3) + row.format("d", "six", 4))
    gif = put(tmp_path / "gifs/tumblr_c.gif")
    data = tgif(tmp_path)
    (sample,) = data.read("test").samples
    assert (sample.path, sample.key, sample.label) == (str(gif), "FRAMEQA3", 0)
    assert sample.annotation == {"answer": "two", "kind": "number", "video": "tumblr_c"}
    assert data.read("test").missing == ["FRAMEQA4"]
    assert data.answers == ["two"]


def test_a_validation_list_is_cut_from_training_by_gif_and_never_trained_on(tmp_path):
    rows = [f"gif{n}\twhat ?\tword{n % 3}\t0\tFRAMEQA{n}\t{n}\tx\r\n" for n in range(60)]
    put(tmp_path / "Train_frameqa_question.csv", FRAMEQA + "".join(rows))
    whole = {question.video for question in tgif(tmp_path).questions("train")}
    split = tgif(tmp_path, test_on="val")
    train, val = ({question.video for question in split.questions(name)} for name in ("train", "val"))
    assert len(whole) == 60
    assert train | val == whole
    assert not train & val
    assert val == {name for name in whole if is_held_out(name)}
    assert 1 <= len(val) <= 15


def test_options_in_quotes_lose_them(tmp_path):
    row = 'g\tWhat before ?\tsky\tlean\tremove\twrite\t"respond ""no"""\t4\tTRANS1\t1\r\n'
    put(tmp_path / "Test_transition_question.csv", CHOICE + row)
    put(tmp_path / "gifs/g.gif")
    (sample,) = tgif(tmp_path, TgifTransition).read("test").samples
    assert sample.annotation["options"] == ["sky", "lean", "remove", "write", 'respond "no"']
    assert (sample.label, sample.texts) == (4, ("What before ?",))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("g\tWhat ?\ta\tb\tc\td\te\t5\tACTION1\t1\r\n", "line 2: its answer must be one of 5 options"),
        ("g\tWhat ?\ta\tb\tc\td\te\tx\tACTION1\t1\r\n", "line 2: its answer must be a whole number"),
        ("g\tWhat ?\ta\tb\tc\td\t3\tACTION1\t1\r\n", "line 2: it has 9 fields between tabs instead of 10"),
    ],
)
def test_a_damaged_choice_is_named(tmp_path, row, says):
    put(tmp_path / "Test_action_question.csv", CHOICE + row)
    with pytest.raises(UserError, match=says):
        tgif(tmp_path, TgifAction).read("test")


def test_counts_are_labels_and_never_negative(tmp_path):
    head = "gif_name\tquestion\tanswer\tvid_id\tkey\r\n"
    put(tmp_path / "gifs/g.gif")
    put(tmp_path / "Test_count_question.csv", head + "g\tHow many ?\t0\tCOUNT1\t1\r\ng\tHow many ?\t7\tCOUNT2\t1\r\n")
    assert [sample.label for sample in tgif(tmp_path, TgifCount).read("test").samples] == [0, 7]
    put(tmp_path / "Test_count_question.csv", head + "g\tHow many ?\t-1\tCOUNT1\t1\r\n")
    with pytest.raises(UserError, match="line 2: its answer must be a count"):
        tgif(tmp_path, TgifCount).read("test")


@real
def test_real_heads_of_the_official_lists(tmp_path):
    for name, head in (("frameqa", 60), ("action", 20), ("transition", 20), ("count", 20)):
        text = (VIDEOLANG / "tgif_qa" / f"Test_{name}_question.head{head}.csv").read_text(encoding="utf-8")
        put(tmp_path / f"Test_{name}_question.csv", text)
    questions = list(tgif(tmp_path).questions("test"))
    assert len(questions) == len({question.key for question in questions}) == 60
    assert questions[0].answer == "cookie"
    assert Counter(question.kind for question in questions).keys() <= {"object", "number", "color", "location"}
    for kind in (TgifAction, TgifTransition):
        choices = list(tgif(tmp_path, kind).choices("test"))
        assert len(choices) == 20
        assert all(len(set(choice.options)) == 5 for choice in choices)
    assert tgif(tmp_path, TgifCount).read("test").official == 20
    assert TGIF_FRAMEQA.splits == {"train": 39392, "test": 13691}


# --- the order of a released classifier, and videos that are read once ----------------------------------------------


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.json", '{"two": 2, "dog": 0, "man": 1}'), ("a.json", '["dog", "man", "two"]'), ("a.txt", "dog\nman\n\ntwo\n")],
)
def test_the_answers_of_a_released_classifier_keep_their_order(tmp_path, name, text):
    data = msrvtt(tmp_path, answers=put(tmp_path / name, text))
    put(tmp_path / "videos/all/video7010.mp4")
    assert data.classes == ["dog", "man", "two", OTHER]
    assert [sample.label for sample in data.read("test").samples] == [-1, 0]
    assert data.usual[""] == 1  # "man" is still the most frequent training answer


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", '{"dog": 0, "man": 2}', "must be 0 to 1, each once"),
        ("a.json", '{"dog": 0, "man": 0}', "must be 0 to 1, each once"),
        ("a.json", "[1, 2]", "must be a JSON list of answers"),
        ("a.txt", "dog\nman\ndog\n", "'dog' comes twice"),
        ("a.txt", "\n", "holds no answer"),
        ("b.txt", None, "is no file"),
    ],
)
def test_damaged_files_of_answers_are_named(tmp_path, name, text, says):
    path = tmp_path / name if text is None else put(tmp_path / name, text)
    with pytest.raises(UserError, match=says):
        _ = msrvtt(tmp_path, answers=path).answers


def test_questions_about_one_video_read_it_once_and_keep_their_own_text(tmp_path, monkeypatch):
    root = tmp_path / "msrvtt_qa"
    data = msrvtt(root, size=8, short_side=8)
    rows = [("what?", "man", 1), ("who?", "dog", 1), ("how?", "fish", 2), ("where?", "man", 2)]
    put(root / "test_qa.json", records(*rows))
    (root / "videos/all").mkdir(parents=True)
    write_video(root / "videos/all/video1.mp4", frames=4)
    (root / "videos/all/video2.mp4").write_bytes(b"no video")
    clips = data.evaluation_clips(data.split("test").samples)
    read: list[str] = []
    footage = clips.footage
    monkeypatch.setattr(clips, "footage", lambda path: (read.append(path), footage(path))[1])
    seen = [clip for index in range(4) for clip in clips[index]]
    assert len(read) == 2
    assert [(clip.index, clip.text, clip.label) for clip in seen] == [
        (0, "what?", 0),
        (1, "who?", 1),
        (2, "how?", -1),
        (3, "where?", 0),
    ]
    assert torch.equal(seen[0].video, seen[1].video)
    assert [clip.video is None for clip in seen] == [False, False, True, True]
    assert [len(clip.faults) for clip in seen] == [0, 0, 1, 1]
