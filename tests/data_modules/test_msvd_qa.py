"""MSVD-QA in its official files: the mapping of videos, real rows, and the sizes of real vocabularies."""

from pathlib import Path

import pytest

from data_modules.msvd_qa import MSVD_QA, MsvdQa, MsvdQaConfig, read_mapping
from internvideo_pl.data.questions import read_answers
from internvideo_pl.errors import UserError
from tests.data_modules.lists import put
from tests.data_modules.questions import official, real, records
from tests.data_modules.real import VIDEOLANG


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
