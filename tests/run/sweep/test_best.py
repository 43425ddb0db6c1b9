"""The best trial as an experiment: it loads to what the trial ran, for every shipped sweep, and overwrites nothing."""

import re
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from internvideo_pl.config import load_experiment
from internvideo_pl.folders import experiments_folder
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.stages import load_stages
from internvideo_pl.run.sweep.best import write_best
from internvideo_pl.run.sweep.document import Sweep, list_sweeps, read_sweep
from internvideo_pl.run.sweep.space import read_parameter
from internvideo_pl.run.sweep.trial import Trial

GIVEN = ("seed=5", "trainer.accelerator=gpu", "trainer.devices=2", "wandb.mode=disabled")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("shipped") / "experiments"
    shutil.copytree(experiments_folder(), root)
    return root


def make_sweep(**changes) -> Sweep:
    parameters = (read_parameter("optimizer.lr", {"values": [1e-4, 1e-3]}),)
    sweep = Sweep("lr", False, Path("lr.yaml"), {}, "fine/k400", (), "grid", "test/top1", True, parameters)
    return replace(sweep, **changes)


@pytest.mark.parametrize("mini", [False, True])
@pytest.mark.parametrize("name", list_sweeps())
def test_what_is_written_loads_to_what_the_trial_ran(shipped, name, mini):
    sweep = read_sweep(name, mini)
    values = {parameter.name: parameter.examples()[-1] for parameter in sweep.parameters}
    words = [word for word in sweep.words if not word.startswith("--")]
    plan, ran = load_stages(sweep.experiment, [*words, *GIVEN[:1], *sweep.overrides(values)], mini)

    written = write_best(sweep, Trial(3, values, state="done", value=50.0), shipped, GIVEN)
    again = load_experiment(written, mini=mini, schemas=SCHEMAS, root=shipped)
    stages = again.stages or [written]
    assert len(stages) == len(ran)
    renamed = dict(zip(plan.stages, stages, strict=False))
    for stage, before in zip(stages, ran, strict=True):
        now = load_experiment(stage, mini=mini, schemas=SCHEMAS, root=shipped)
        assert now.parents == {role: renamed.get(parent, parent) for role, parent in before.parents.items()}
        assert replace(now, name=before.name, parents=before.parents) == before
    for stage in again.stages:  # the other form is a pipeline of its own too, at the settings of the base
        other = load_experiment(stage, mini=not mini, schemas=SCHEMAS, root=shipped)
        assert not set(other.parents.values()) & set(plan.stages)
    assert f"make experiment NAME={written}{' MINI=1' if mini else ''} GPUS=2\n" in (
        shipped / f"{written}.yaml"
    ).read_text(encoding="utf-8")


def test_the_best_is_written_as_an_experiment_and_nothing_is_overwritten(tmp_path):
    root = tmp_path / "experiments"
    (root / "fine").mkdir(parents=True)
    (root / "fine" / "k400.yaml").write_text("seed: 3\noptimizer: {lr: 1.0}\nmini:\n  optimizer: {lr: 2.0}\n")
    sweep = make_sweep()
    trial = Trial(7, {"optimizer.lr": 0.5, "optimizer.betas": [0.9, 0.98]}, state="done", value=80.0)
    assert write_best(sweep, trial, root) == "tuned/lr_1"
    assert write_best(sweep, trial, root) == "tuned/lr_1"  # the same once more is no second file
    assert write_best(sweep, replace(trial, value=81.0), root) == "tuned/lr_2"
    loaded = load_experiment("tuned/lr_1", schemas=SCHEMAS, root=root)
    assert (loaded.optimizer.lr, loaded.optimizer.betas, loaded.seed) == (0.5, (0.9, 0.98), 3)
    assert load_experiment("tuned/lr_1", mini=True, schemas=SCHEMAS, root=root).optimizer.lr == 2.0
    mini = write_best(replace(sweep, mini=True), trial, root)
    assert load_experiment(mini, mini=True, schemas=SCHEMAS, root=root).optimizer.lr == 0.5
    assert load_experiment(mini, schemas=SCHEMAS, root=root).optimizer.lr == 1.0
    header = (root / "tuned" / "lr_1.yaml").read_text()
    assert re.findall(r"# (\w+):", header)[:4] == ["Reproduces", "Command", "Cost", "Expected"]


def test_the_best_of_stages_is_a_file_for_each(tmp_path):
    root = tmp_path / "experiments"
    root.mkdir()
    (root / "first.yaml").write_text("optimizer: {lr: 1.0}\n")
    (root / "second.yaml").write_text("parents: {backbone: first}\noptimizer: {lr: 1.0}\n")
    (root / "both.yaml").write_text("stages: [first, second]\n")
    sweep = make_sweep(experiment="both", name="two", mini=True)
    name = write_best(sweep, Trial(0, {"first:optimizer.lr": 0.5, "seed": 4}, state="done", value=1.0), root)
    plan = load_experiment(name, schemas=SCHEMAS, root=root)
    first, second = (load_experiment(stage, mini=True, schemas=SCHEMAS, root=root) for stage in plan.stages)
    assert (first.optimizer.lr, second.optimizer.lr) == (0.5, 1.0)
    assert (first.seed, second.seed) == (4, 4)
    assert second.parents == {"backbone": plan.stages[0]}


def test_arguments_that_a_file_cannot_say_stand_in_its_command(tmp_path):
    root = tmp_path / "experiments"
    (root / "fine").mkdir(parents=True)
    (root / "fine" / "k400.yaml").write_text(
        "parents: {text: a, backbone: b}\noptimizer: {lr: 1.0, betas: [0.1, 0.2]}\n"
    )
    words = ["~optimizer.betas", "~parents.text", "checkpoint=c", "trainer.max_steps=9", "optimizer.lr=7"]
    name = write_best(make_sweep(), Trial(0, {"optimizer.lr": 0.5}, state="done", value=1.0), root, words)
    loaded = load_experiment(name, schemas=SCHEMAS, root=root)
    assert (loaded.parents, loaded.trainer.max_steps, loaded.optimizer.lr) == ({"backbone": "c"}, 9, 0.5)
    assert 'ARGS="~optimizer.betas"' in (root / f"{name}.yaml").read_text()


def test_tasks_that_end_together_write_one_file(tmp_path):
    root = tmp_path / "experiments"
    (root / "fine").mkdir(parents=True)
    (root / "fine" / "k400.yaml").write_text("optimizer: {lr: 1.0}\n")
    trial, names = Trial(0, {"optimizer.lr": 0.5}, state="done", value=1.0), []
    start = threading.Barrier(8)

    def end() -> None:
        start.wait()
        names.append(write_best(make_sweep(), trial, root))

    tasks = [threading.Thread(target=end) for _ in range(8)]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()
    assert len(names) == 8
    assert load_experiment("tuned/lr_1", schemas=SCHEMAS, root=root).optimizer.lr == 0.5


def test_a_file_that_appears_in_between_is_waited_for(tmp_path, monkeypatch):
    root = tmp_path / "experiments"
    (root / "fine").mkdir(parents=True)
    (root / "fine" / "k400.yaml").write_text("optimizer: {lr: 1.0}\n")
    opened, real = [], Path.open

    def faster(path: Path, mode: str = "r", *args, **kwargs):
        if mode == "x" and not opened:
            opened.append(path)
            with real(path, "x", encoding="utf-8") as file:
                file.write("optimizer: {lr: 9.0}\n")
        return real(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", faster)
    trial = Trial(0, {"optimizer.lr": 0.5}, state="done", value=1.0)
    assert write_best(make_sweep(), trial, root) == "tuned/lr_2"
    assert opened[0].read_text() == "optimizer: {lr: 9.0}\n"
