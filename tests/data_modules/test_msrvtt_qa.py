"""MSRVTT-QA in its official files: real rows, damage by name, vocabularies, and videos that are read once."""

from pathlib import Path

import pytest
import torch

from data_modules.msrvtt_qa import MSRVTT_QA, MsrVttQa, MsrVttQaConfig, kind_of
from internvideo_pl.data.questions import OTHER, most_frequent
from internvideo_pl.errors import UserError
from tests.data.clips import write_video
from tests.data_modules.lists import put
from tests.data_modules.questions import official, real, records
from tests.data_modules.real import VIDEOLANG

TRAIN = records(("what runs?", "dog", 0), ("who sings?", "man", 0), ("what is it?", "man", 7), ("how big?", "two", 7))
TEST = records(("what swims?", "fish", 7010), ("who talks?", "man", 7011), ("is it?", "dog", 7010), start=4)


def msrvtt(root: Path, **changes) -> MsrVttQa:
    put(root / "train_qa.json", TRAIN)
    put(root / "test_qa.json", TEST)
    return MsrVttQa(MsrVttQaConfig(name="msrvtt_qa", num_frames=2, batch_size=2, **changes), root)


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
