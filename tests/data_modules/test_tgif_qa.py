"""TGIF-QA's four tasks in their official files: real rows, traps, and damage by name."""

from collections import Counter
from pathlib import Path

import pytest

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
from internvideo_pl.errors import UserError
from tests.data_modules.lists import put
from tests.data_modules.questions import real
from tests.data_modules.real import VIDEOLANG

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
