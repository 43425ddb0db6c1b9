"""The table of all retrieval figures."""

from internvideo_pl.tables.paper import RETRIEVAL_FIGURES
from internvideo_pl.tables.retrieval import retrieval_table
from internvideo_pl.tables.row import Coverage
from tests.tables.rows import make_row


def retrieval_row(**changes):
    names = [
        f"{variant}{way}/{name}" for variant in ("", "dsl/") for way in ("t2v", "v2t") for name in RETRIEVAL_FIGURES
    ]
    fields = {
        "task": "retrieval",
        "metrics": {name: float(number) for number, name in enumerate(names)},
        "headline": "dsl/t2v/R@1",
        "chance": {},
        "protocol": {"gallery": 200, "ties": "expected"},
        "coverage": Coverage(200, 200),
    }
    return make_row(**{**fields, **changes})


def test_both_directions_stand_plain_and_with_dual_softmax():
    table = retrieval_table([retrieval_row(), make_row()])
    assert [column.name for column in table.columns][3:] == ["R@1", "R@5", "R@10", "MedR", "MeanR"]
    assert [[cell.text for cell in row[1:4]] for row in table.rows] == [
        ["text to video", "plain", "0.0"],
        ["text to video", "dual softmax", "10.0"],
        ["video to text", "plain", "5.0"],
        ["video to text", "dual softmax", "15.0"],
    ]
    assert [cell.raw for cell in table.rows[3][3:]] == [15.0, 16.0, 17.0, 18.0, 19.0]
    assert "transductive" in table.notes[0]
    assert "0.50 of 200 videos" in table.notes[1]


def test_a_real_row_has_the_papers_figures_below_it():
    table = retrieval_table([retrieval_row(benchmark="msrvtt_ret", mini=False)])
    assert [row[2].text for row in table.rows[:3]] == ["plain", "dual softmax", "dual softmax, the paper"]
    assert [cell.raw for cell in table.rows[2][3:]] == [55.2, 79.6, 87.5, 1.0, 10.7]


def test_without_retrieval_there_is_none():
    assert retrieval_table([make_row()]) is None
