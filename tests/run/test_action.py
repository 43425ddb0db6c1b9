"""Benchmarks 1 to 14 and every form of their recipes in miniature, by the command line: train, test, a row."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.config import load_experiment
from internvideo_pl.folders import list_experiments
from internvideo_pl.run.folder import latest_done
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.tables.paper import benchmark
from internvideo_pl.tables.row import Row, read_rows

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Case:
    """A benchmark's experiment, words that make its mini form shorter, and what its headline must pass.

    Attributes:
        name: The experiment.
        words: Overrides.
        least: The headline, or so many times chance.
    """

    name: str
    words: tuple[str, ...] = ()
    least: float = 0.0
    times: float = 0.0


KINETICS = ("trainer.max_steps=80", "data.mini_sizes={train: 40, val: 8}")
MOTIONS = ("trainer.max_steps=200", "data.mini_sizes={train: 100, val: 24, frames: 12}")
CASES = {
    "k400": Case("finetune/k400", KINETICS, times=2),
    "k600": Case("finetune/k600_clip_large", KINETICS, times=2),
    "k700": Case("finetune/k700_masked_huge", KINETICS, times=2),
    "ssv1": Case("finetune/ssv1_tower_large", MOTIONS, times=1.5),
    "ssv2": Case("finetune/ssv2_tower_large", MOTIONS, times=1.5),
    "activitynet": Case("finetune/activitynet_masked_huge", times=2),
    "hacs": Case("finetune/hacs_masked_huge", times=2),
    "hmdb51": Case("finetune/hmdb51", ("trainer.max_steps=60",), times=2),
    "thumos14": Case("localize/thumos14", least=80),
    "activitynet_tal": Case("localize/activitynet", least=70),
    "hacs_tal": Case("localize/hacs", least=70),
    "fineaction": Case("localize/fineaction", least=70),
    "ava22": Case("localize/ava", times=3),
    "ava_kinetics": Case("localize/ava_kinetics", times=3),
}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """One folder for all cases, so that parents are trained once."""
    return tmp_path_factory.mktemp("action")


def run(name: str, results: Path, *words: str) -> list[Row]:
    """An experiment's mini form, its parents' first where they have not run; its rows."""
    assert main(["run", name, "--mini", f"paths.results={results}", "wandb.mode=disabled", *words]) == 0
    folder = latest_done(results, name, mini=True)
    assert folder is not None
    rows, problems = read_rows(folder)
    assert not problems
    return [row for row in rows if row.experiment == name]


def test_the_cases_are_the_papers_first_fourteen_benchmarks():
    assert [benchmark(bench).n for bench in CASES] == list(range(1, 15))


@pytest.mark.parametrize("bench", CASES)
def test_a_benchmark_from_pixels_to_a_row_above_chance(bench, results):
    case = CASES[bench]
    for row in run(case.name, results, *case.words):
        assert row.benchmark == bench
        assert row.coverage.complete
        assert row.value > max(case.least, case.times * row.chance.get(row.headline, 0.0)), row.model


def test_tcanet_from_pixels_to_its_row(results):
    (row,) = run("localize/hacs_tcanet", results)
    assert row.value > 65


# --- every form ---------------------------------------------------------------------------------------------------

# Of other tasks, or as split 1.
OTHERS = ("retrieval", "msrvtt", "lsmdc", "_qa", "msvd", "tgif", "ego4d", "split2", "split3")
PLANS = {"finetune/hmdb51", "finetune/ucf101"}  # of several runs; one of them is among the cases
FORMS = [
    name
    for name in list_experiments()
    if name.split("/")[0] in ("finetune", "localize", "features", "probe")
    and name not in PLANS
    and not any(word in name for word in OTHERS)
]
SMALL = {  # data set -> as little of its miniature as a batch of four wants
    **dict.fromkeys(("kinetics400", "kinetics600", "kinetics700", "kinetics710"), "{train: 2, val: 1}"),
    **dict.fromkeys(("ssv1", "ssv2"), "{train: 4, val: 1, frames: 8}"),
    **dict.fromkeys(("hmdb51", "ucf101"), "{train: 4, test: 2}"),
    "mitv2": "{train: 2, val: 1}",
    **dict.fromkeys(("activitynet", "activitynet_tal", "hacs", "hacs_tal"), "{train: 6, val: 3, frames: 40}"),
    **dict.fromkeys(("fineaction", "thumos14"), "{train: 6, val: 3, frames: 40}"),
    "ava": "{train: 6, val: 3}",
    "ava_kinetics": "{train: 6, val: 3, clips: 6, val_clips: 3}",
    "msrvtt": "{train: 12, test: 4}",
}


@pytest.fixture(scope="module")
def forms(tmp_path_factory) -> Path:
    """As `results`, of runs of two steps."""
    return tmp_path_factory.mktemp("forms")


def two_steps(name: str, forms: Path) -> None:
    """A form's two training steps and its test, after those of its parents; nothing where it ran before."""
    if latest_done(forms, name, mini=True):
        return
    experiment = load_experiment(name, mini=True, schemas=SCHEMAS)
    for parent in experiment.parents.values():
        if parent in list_experiments():
            two_steps(parent, forms)
    words = [] if experiment.objective.name == "extract" else ["trainer.max_steps=2", "data.batch_size=4"]
    if experiment.data.name in SMALL:
        words.append(f"data.mini_sizes={SMALL[experiment.data.name]}")
    run(name, forms, *words)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_trains_is_tested_and_has_a_row(name, forms):
    two_steps(name, forms)
    folder = latest_done(forms, name, mini=True)
    assert folder is not None
    (row,) = [row for row in read_rows(folder)[0] if row.experiment == name]
    assert row.coverage.complete
    assert row.metrics[row.headline] >= 0
    if "ava_kinetics" in name:
        assert {"ava/mAP@0.5", "kinetics/mAP@0.5"} <= row.metrics.keys()
    assert row.model == load_experiment(name, mini=True, schemas=SCHEMAS).model
