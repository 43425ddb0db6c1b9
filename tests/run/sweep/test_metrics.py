"""Names of metrics: every task is in the table, and what the paper judges each experiment by is among them."""

from types import SimpleNamespace

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.folders import list_experiments
from internvideo_pl.metrics.anticipation import COLUMNS
from internvideo_pl.metrics.detection import NAMES
from internvideo_pl.metrics.hands import HEADLINE, TOTAL
from internvideo_pl.metrics.ranking import RECALL_AT
from internvideo_pl.metrics.retrieval import REFERENCE_TIES
from internvideo_pl.modules.align import RECALLS
from internvideo_pl.run.stages import load_stages
from internvideo_pl.run.sweep.metrics import METRICS, check_metric
from internvideo_pl.run.tasks import TASKS
from internvideo_pl.tables.paper import benchmark


def run_of(objective: str, steps: int = 5):
    trainer = SimpleNamespace(max_steps=steps, max_epochs=-1)
    return SimpleNamespace(objective=SimpleNamespace(name=objective), trainer=trainer)


def test_every_task_is_in_the_table():
    assert METRICS.keys() == TASKS.keys()


@pytest.mark.slow
def test_what_the_paper_reports_can_be_swept_for():
    checked = 0
    for name in list_experiments():
        plan, runs = load_stages(name, [])
        if plan.benchmark is None or plan.stages:
            continue
        for metric in benchmark(plan.benchmark).paper:
            check_metric(f"test/{metric}", runs)
            checked += 1
    assert checked > 39


@pytest.mark.parametrize(
    ("objective", "names"),
    [
        ("retrieval", [*RECALLS, *(f"{REFERENCE_TIES}/v2t/R@{k}" for k in RECALL_AT)]),
        ("anticipate", [f"{prefix}{column}_top5_mAP" for prefix in ("", "all/") for column in COLUMNS]),
        ("detect", NAMES),
        ("hands", [HEADLINE, TOTAL, "left/M.Disp"]),
        ("localize", ["avg_mAP", "mAP@0.5", "thumos14/avg_mAP", "avg_mAP/low"]),
        ("open_set", ["AUROC", "energy/AUROC", "thresholded/AUROC", "AUROC/high"]),
        ("answer", ["acc_in_vocab", "what/acc"]),
    ],
)
def test_names_are_those_of_the_metrics(objective, names):
    for name in names:
        check_metric(f"test/{name}", [run_of(objective)])


def test_a_value_that_is_logged_nowhere_is_refused():
    check_metric("train/loss", [run_of("masked")], early=True)
    check_metric("gates/final.gate_attn", [run_of("coordinate")])
    check_metric("train/loss", [run_of("masked"), run_of("supervised", steps=0)])  # of any stage
    for name, run in (("train/loss", run_of("supervised", steps=0)), ("gates/final", run_of("supervised"))):
        with pytest.raises(UserError, match="a trial logs no"):
            check_metric(name, [run])
    with pytest.raises(UserError, match="Did you mean 'train/contrastive_loss'"):
        check_metric("train/contrastve_loss", [run_of("align")])
    with pytest.raises(UserError, match="logged once, at a trial's end"):
        check_metric("test/top1", [run_of("supervised")], early=True)
