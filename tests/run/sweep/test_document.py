"""Sweeps' files: those that are shipped, and what is said of one that is wrong."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.config.document import parse_value
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
        "trainer.max_steps=60",
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
        ("method: random", "method: random\n1: 2", "line 3: a sweep has no key 1"),
        ("method: random", "method: random\n~: 2", "a sweep has no key None"),
        ("method: random", "method: [random]", "method must be one of"),
        ("method: random", "method: random\nname: 3", "name must be text, got 3"),
        ("optimizer.lr:", "1:", "parameters: 1 is no key of an experiment"),
        ("goal: maximize", "goal: maximize, gaol: 3", "Did you mean 'goal'"),
        ("goal: maximize", "goal: maximise", "Did you mean 'maximize'"),
        ("goal: maximize", "goal: maximize, target: .nan", "target must be a number"),
        ("goal: maximize", "goal: maximize, target: good", "target must be a number"),
        ("name: test/top1", "name: test/topp1", r"logs no 'test/topp1'\. Did you mean 'test/top1'"),
        ("name: test/top1", "name: top1", r"logs no 'top1'\. Did you mean 'test/top1'"),
        ("name: test/top1", "name: train/los", "Did you mean 'train/loss'"),
        ("name: test/top1", "name: test/dsl/t2v/R@1", "a trial logs no"),
        (
            ', "${args_no_hyphens}"]',
            ', --minni, "${args_no_hyphens}"]',
            "'--minni' cannot stand here. Did you mean '--mini'",
        ),
        (', "${args_no_hyphens}"]', ', --gpus, "2", "${args_no_hyphens}"]', "Everything else is said as key=value"),
        *(
            ("{min: 1.0e-4, max: 1.0e-2}", said, says)
            for said, says in (
                ("{distribution: [uniform], min: 1, max: 2}", r"the distribution \['uniform'\] is not one"),
                ("{distribution: unifrom, min: 1, max: 2}", "Did you mean 'uniform'"),
                ("{distribution: log_uniform, min: -3, max: 1000}", "at most 600, got -3 and 1000; log_uniform_values"),
                ("{distribution: log_normal, mu: 1000, sigma: 1}", "too large for a number"),
                ("{distribution: int_uniform, min: 1.5, max: 3}", "must be whole numbers"),
                ("{min: 0.1, max: .inf}", "max must be a number"),
                ("{min: 0.1, max: 0.2, probabilities: [1]}", "uniform has no use for probabilities"),
                ("{min: 0.1, max: 0.2, q: 0.1}", "uniform has no use for q"),
                ("{values: [0.1, .nan]}", "nan is no value"),
                ("{values: [0.1, [.inf]]}", "inf is no value"),
                ("{value: .nan}", "nan is no value"),
                *(
                    (f"{{values: [0.1, 0.2], probabilities: {wrong}}}", "probabilities must be numbers from 0 to 1")
                    for wrong in (
                        "[a, b]",
                        "0.5",
                        "[-1, 2]",
                        "[.nan, 1]",
                        "[0.5]",
                        "[0.5, 0.6]",
                        "[true, 0]",
                        "[]",
                        "half",
                    )
                ),
            )
        ),
        *(
            ("name: test/top1, goal: maximize}", f"name: train/loss, goal: minimize}}\nearly_terminate: {said}", says)
            for said, says in (
                ("{type: hyperband, min_iter: 3, eta: .inf}", "eta must be"),
                ("{type: hyperband, min_iter: 3, eta: .nan}", "eta must be"),
                ("{type: hyperband, min_iter: 3, eta: 1.0e+300}", "eta must be"),
                ("{type: hyperband, max_iter: 27, s: 1000000000}", "s must be a whole number from 1 to 20"),
                ("{type: hyperband, min_iter: 3, strict: no}", "strict must be true or false, got 'no'"),
                ("{type: [hyperband], min_iter: 3}", "type must be hyperband"),
            )
        ),
        (
            "method: random",
            "method: random\nearly_terminate: {type: hyperband, min_iter: 3}",
            "early_terminate cannot act on test/top1, which is logged once",
        ),
    ],
)
def test_mistakes_are_sentences_with_the_file(write, old, new, says):
    assert old in RIGHT
    root = write(RIGHT.replace(old, new))
    with pytest.raises(UserError, match=says) as found:
        read_sweep("try", root=root)
    assert "try.yaml" in str(found.value)
    assert "\n" not in str(found.value)


def test_a_mistake_ends_the_command_with_two_and_no_traceback(write, monkeypatch, capsys):
    root = write(RIGHT.replace("{min: 1.0e-4, max: 1.0e-2}", "{values: [1, 2], probabilities: 0.5}"))
    monkeypatch.setattr("internvideo_pl.run.sweep.document.experiments_folder", lambda: root)
    assert main(["sweep", "try", "--local"]) == 2
    assert re.fullmatch(
        r"internvideo: \S*try\.yaml: parameters\.optimizer\.lr: probabilities .*\n", capsys.readouterr().err
    )


def test_a_grid_that_never_ends_is_refused(write):
    text = RIGHT.replace("random", "grid").replace("{min: 1.0e-4, max: 1.0e-2}", "{min: 1, max: 1000000000}")
    with pytest.raises(UserError, match="a grid has at most 10000 values"):
        read_sweep("try", root=write(text))


def test_a_target_is_read_and_reached_from_its_side(write):
    up = read_sweep("try", root=write(RIGHT.replace("goal: maximize", "goal: maximize, target: 80")))
    assert [up.reached(value) for value in (79.9, 80.0, math.nan)] == [False, True, False]
    down = replace(up, maximize=False)
    assert [down.reached(value) for value in (79.9, 80.1, math.nan)] == [True, False, False]
    assert not replace(up, target=None).reached(1e9)


def test_the_page_shows_the_file_as_it_is():
    page = (experiments_folder().parent / "docs" / "sweeps.md").read_text(encoding="utf-8")
    shown = parse_value(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    assert shown == dict(read_sweep("k400_lr").raw)


def test_names_have_hints(write):
    root = write(RIGHT)
    with pytest.raises(UserError, match=r"no sweep 'tri'\. Did you mean 'try'"):
        read_sweep("tri", root=root)
    with pytest.raises(UserError, match="has no mini form"):
        read_sweep("try", mini=True, root=root)
