import math

import pytest

from internvideo_pl.tables.row import Coverage
from internvideo_pl.tables.verdict import against_chance, against_paper, best, gain, lower_is_better
from tests.tables.rows import k400, make_row


@pytest.mark.parametrize(
    ("top1", "text", "tone"),
    [
        (91.1, "reproduced", "good"),
        (90.65, "reproduced", "good"),
        (91.5, "reproduced", "good"),
        (90.5, "off by -0.60", "bad"),
        (92.0, "off by +0.90", "good"),
        (math.nan, "undefined", "bad"),
    ],
)
def test_beside_the_paper(top1, text, tone):
    verdict = against_paper(k400(top1))
    assert (verdict.text, verdict.tone) == (text, tone)


def test_small_figures_need_more_than_half_a_point():
    row = make_row(
        benchmark="ego4d_sta",
        mini=False,
        task="anticipation",
        metrics={"overall_top5_mAP": 3.0},
        headline="overall_top5_mAP",
        protocol={"split": "challenge test"},
    )
    assert against_paper(row).text == "off by -0.40"


def test_unlike_protocols_are_not_compared():
    verdict = against_paper(k400(91.1, protocol={"split": "test"}))
    assert verdict.text == "not comparable: split is test, not val"
    assert verdict.difference is None
    assert against_paper(k400(91.1, protocol={})).text == "not comparable: split is not recorded, not val"


def test_a_miniature_and_a_task_outside_the_paper_are_not_compared():
    assert against_paper(k400(91.1, mini=True)).text == "miniature"
    assert against_paper(make_row(mini=False)).text == "not in the paper"


def test_another_metric_than_the_papers_is_not_compared():
    row = k400(99.0, headline="top5", metrics={"top5": 99.0})
    assert against_paper(row).text == "not comparable: the paper has top1, not top5"


def test_missing_videos_are_part_of_the_verdict():
    few = {"metrics": {"top1": 91.0, "top1/low": 0.05, "top1/high": 99.99}, "coverage": Coverage(10, 19877)}
    found = against_paper(k400(91.0, **few))
    assert found.text == "undecided on 10 of 19,877 videos: 0.05 to 99.99 with the missing ones"
    assert found.tone == ""
    nearly = {"metrics": {"top1": 91.0, "top1/low": 90.9, "top1/high": 91.1}, "coverage": Coverage(19850, 19877)}
    assert against_paper(k400(91.0, **nearly)).text == "reproduced on 19,850 of 19,877 videos"
    unknown = against_paper(k400(91.0, coverage=Coverage(19850, 19877)))
    assert unknown.text == "undecided on 19,850 of 19,877 videos: without bounds for the missing ones"


# 200 videos, chance 25 %: the standard error of a guess is sqrt(.25 * .75 / 200) = 3.06 points; 1.96 of it is 6.0.
@pytest.mark.parametrize(
    ("top1", "text"),
    [
        (80.0, "+55.0 (3.2x)"),
        (31.1, "+6.1 (1.2x)"),
        (30.9, "at chance"),
        (19.1, "at chance"),
        (18.9, "-6.1 below chance"),
    ],
)
def test_beside_chance(top1, text):
    assert against_chance(make_row(metrics={"top1": top1}), "top1").text == text


def test_ranks_are_better_when_lower():
    row = make_row(metrics={"t2v/MedR": 4.0}, headline="t2v/MedR", chance={"t2v/MedR": 50.5})
    assert against_chance(row, "t2v/MedR").text == "+46.5"
    assert lower_is_better("dsl/t2v/MeanR")
    assert gain("MedR", 3.0, 5.0) == 2.0
    assert gain("top1", 3.0, 5.0) == -2.0


def test_no_chance_level_no_judgement():
    assert against_chance(make_row(chance={}), "top1").text == "-"


def test_best_of_several():
    rows = [make_row(metrics={"top1": value}, seed=i) for i, value in enumerate((50.0, math.nan, 70.0, 70.0))]
    assert [row.seed for row in best(rows)] == [2, 3]
    ranks = [make_row(metrics={"MedR": value}, headline="MedR") for value in (4.0, 2.0)]
    assert best(ranks)[0].value == 2.0
    assert best([]) == []
    assert best([make_row(metrics={"top1": math.nan})]) == []


def test_unlike_metrics_are_never_ranked():
    with pytest.raises(AssertionError, match="never ranked"):
        best([make_row(), make_row(headline="top5")])
