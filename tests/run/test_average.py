"""Means over a benchmark's splits: figures averaged, cost and coverage summed, only like with like."""

import pytest

from internvideo_pl.config import Experiment, load_experiment
from internvideo_pl.errors import UserError
from internvideo_pl.run.average import write_averages
from internvideo_pl.run.listing import _entry
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.tables.row import Coverage, read_rows
from internvideo_pl.tables.verdict import against_paper
from tests.tables.rows import make_row

PLAN = Experiment(name="finetune/hmdb51", benchmark="hmdb51", average="test 1, 2, 3")


def split(number: int, top1: float, **changes):
    fields = {
        "experiment": f"split{number}",
        "metrics": {"top1": top1, "top5": 99.0},
        "protocol": {"split": f"test {number}", "classes": 51, "views": 5},
        "coverage": Coverage(10, 11, (f"v{number}",)),
        "mini": False,
        "parents": {"backbone": str(number) * 64},
        "kwh": 0.5,
    }
    return make_row(**{**fields, **changes})


def test_one_row_a_model_with_the_mean_of_its_splits(tmp_path):
    rows = [split(1, 80.0), split(2, 90.0), split(3, 91.0), split(1, 10.0, model="other", kwh=None)]
    (first, second) = write_averages(PLAN, rows, tmp_path)
    assert first.metrics["top1"] == pytest.approx(87.0)
    assert first.model == "coordinated, mean of 3 splits"
    assert first.protocol == {"split": "mean of test 1, 2, 3", "classes": 51, "views": 5}
    assert (first.coverage.used, first.coverage.official, first.coverage.missing) == (30, 33, ("v1", "v2", "v3"))
    assert (first.experiment, first.benchmark, first.seconds, first.kwh) == ("finetune/hmdb51", "hmdb51", 37.5, 1.5)
    assert set(first.parents.values()) == {"1" * 64, "2" * 64, "3" * 64}
    assert second.kwh is None
    assert "not comparable" not in against_paper(first).text
    write_averages(PLAN, rows[:3], tmp_path)  # a later start replaces the rows
    assert len(read_rows(tmp_path)[0]) == 1


def test_unlike_protocols_and_one_split_twice_are_refused(tmp_path):
    other = split(2, 1.0, protocol={"split": "test 2", "classes": 51, "views": 1})
    with pytest.raises(UserError, match="must agree"):
        write_averages(PLAN, [split(1, 1.0), other], tmp_path)
    with pytest.raises(UserError, match="tested on test 1 twice"):
        write_averages(PLAN, [split(1, 1.0), split(1, 2.0)], tmp_path)


def test_it_is_listed_with_its_benchmark_and_whether_its_data_is_here():
    entry = _entry(load_experiment("finetune/hmdb51", schemas=SCHEMAS))
    assert (entry.benchmark, entry.data_here, entry.task) == ("hmdb51", False, "mean over splits")
