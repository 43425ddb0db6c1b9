"""Sweeps' files: those that are shipped, and what is said of one that is wrong."""

import re
from pathlib import Path

import pytest

from internvideo_pl.errors import UserError
from internvideo_pl.folders import experiments_folder
from internvideo_pl.run.sweep.document import list_sweeps, read_sweep
from internvideo_pl.run.sweep.server import server_config

NAMES = list_sweeps()
RIGHT = """
method: random
metric: {name: test/top1, goal: maximize}
command: ["${env}", "${interpreter}", -m, internvideo_pl, run, posttrain/k400_masked_base, "${args_no_hyphens}"]
parameters:
  optimizer.lr: {min: 1.0e-4, max: 1.0e-2}
"""


@pytest.fixture
def write(tmp_path):
    (tmp_path / "sweeps" / "mini").mkdir(parents=True)

    def _write(text: str) -> Path:
        (tmp_path / "sweeps" / "try.yaml").write_text(text)
        return tmp_path

    return _write


@pytest.mark.parametrize("mini", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_sweep_loads_and_names_keys_of_its_experiment(name, mini):
    sweep = read_sweep(f"sweeps/{name}", mini)
    assert ("--mini" in sweep.words) is mini
    header = re.match(r"(#.*\n)+", sweep.path.read_text(encoding="utf-8"))[0]
    assert "# Explores:" in header
    assert f"make sweep NAME=sweeps/{name}" in header


def test_those_that_were_promised_are_shipped():
    assert {"k400_lr", "masking", "coordination", "retrieval_wise_ft"} <= set(NAMES)
    mini = experiments_folder() / "sweeps" / "mini"
    assert {path.stem for path in mini.glob("*.yaml")} == set(NAMES)


def test_the_server_gets_the_file_with_the_command_made_whole():
    sweep = read_sweep("k400_lr", mini=True)
    config = server_config(sweep, ["trainer.accelerator=gpu"], most=5)
    assert config["command"][-4:] == [
        "trainer.max_steps=80",
        "trainer.accelerator=gpu",
        "wandb.mode=online",
        "${args_no_hyphens}",
    ]
    assert (config["run_cap"], config["name"]) == (5, "k400_lr")
    assert {key: config[key] for key in ("method", "metric", "parameters")} == {
        key: sweep.raw[key] for key in ("method", "metric", "parameters")
    }


def test_grid_points_are_all_combinations(write):
    text = RIGHT.replace("random", "grid").replace("{min: 1.0e-4, max: 1.0e-2}", "{values: [0.1, 0.2]}")
    root = write(text + "  optimizer.warmup: {values: [0, 0.1, 0.2]}\n")
    sweep = read_sweep("try", root=root)
    points = [tuple(sweep.grid_point(i).values()) for i in range(sweep.grid_size())]
    assert points == [(lr, warmup) for lr in (0.1, 0.2) for warmup in (0, 0.1, 0.2)]
    assert sweep.overrides(sweep.grid_point(1)) == ["optimizer.lr=0.1", "optimizer.warmup=0.1"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("optimizer.lr:", "optimizer.lrr:", "Did you mean 'lr'"),
        ("{min: 1.0e-4, max: 1.0e-2}", "{values: [fast]}", "must be a number"),
        ("method: random", "method: randm", "Did you mean 'random'"),
        ("method: random", "methd: random", r"line 2: a sweep has no key 'methd'. Did you mean 'method'"),
        ("method: random", "", "a sweep needs method"),
        ("goal: maximize", "goal: up", "the goal one of minimize, maximize"),
        ("k400_masked_base,", "k400_maskd_base,", "Did you mean 'posttrain/k400_masked_base'"),
        (', "${args_no_hyphens}"]', "]", "command must be"),
        ("method: random", "method: random\nrun_cap: 0", "run_cap must be"),
        ("method: random", "method: grid", "a grid wants values"),
        ("optimizer.lr:", "posttrain/k400:optimizer.lr:", "is no stage here"),
        ("parameters:\n  optimizer.lr: {min: 1.0e-4, max: 1.0e-2}", "parameters: {}", "at least one key"),
    ],
)
def test_mistakes_are_sentences_with_the_file(write, old, new, says):
    assert old in RIGHT
    root = write(RIGHT.replace(old, new))
    with pytest.raises(UserError, match=says) as found:
        read_sweep("try", root=root)
    assert "try.yaml" in str(found.value)
    assert "\n" not in str(found.value)


def test_names_have_hints(write):
    root = write(RIGHT)
    with pytest.raises(UserError, match=r"no sweep 'tri'\. Did you mean 'try'"):
        read_sweep("tri", root=root)
    with pytest.raises(UserError, match="has no mini form"):
        read_sweep("try", mini=True, root=root)
