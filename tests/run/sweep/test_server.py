"""A sweep on a server: what the server is asked, what its agents are started with, what is made of its answers.

The client of Weights & Biases is one that answers from memory and the agents are a script; there is no network.
"""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from internvideo_pl.errors import RunFailed, UserError
from internvideo_pl.folders import experiments_folder
from internvideo_pl.run.sweep import main, server
from internvideo_pl.run.sweep.agent import report_to_agent
from internvideo_pl.run.sweep.document import read_sweep
from internvideo_pl.run.sweep.limits import Limits
from internvideo_pl.run.sweep.server import is_configured
from internvideo_pl.run.sweep.space import NEEDS, read_parameter
from internvideo_pl.run.sweep.trial import Trials
from tests.run.sweep.test_space import SAID

PROGRAM = '#!/bin/sh\necho "$CUDA_VISIBLE_DEVICES $*" >> "{log}"\nexit {code}\n'


class Client:
    """What the project uses of the module `wandb`."""

    def __init__(self, key: str | None = "key"):
        self.api = SimpleNamespace(api_key=key)
        self.errors = SimpleNamespace(Error=type("Error", (Exception,), {}))
        self.created: list[dict] = []
        self.runs: list[SimpleNamespace] = []
        self.logged: list[dict] = []

    def sweep(self, sweep: dict, entity: str | None, project: str) -> str:
        json.dumps(sweep)  # it is sent as text
        self.created.append({"sweep": sweep, "entity": entity, "project": project})
        return f"s{len(self.created)}"

    def Api(self) -> SimpleNamespace:  # noqa: N802  # as it is called there
        return SimpleNamespace(sweep=lambda path: SimpleNamespace(runs=self.runs, path=path))

    def init(self):
        return self

    def __enter__(self):
        return SimpleNamespace(log=self.logged.append)

    def __exit__(self, *_):
        return None


def run_there(number: int, state: str = "finished", top1: object = 50.0, **config) -> SimpleNamespace:
    config = config or {"optimizer.lr": 10 ** -(2 + number / 10), "optimizer.layer_decay": 0.75}
    summary = {"_runtime": 36.0} | ({"test/top1": top1} if top1 is not None else {})
    created = f"2024-01-01T00:00:{number:02d}"
    return SimpleNamespace(id=f"r{number}", state=state, config=config, summary=summary, created_at=created)


@pytest.fixture
def client(monkeypatch) -> Client:
    stub = Client()
    monkeypatch.setitem(sys.modules, "wandb", stub)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    return stub


@pytest.fixture
def log(tmp_path, monkeypatch) -> Path:
    """What was started, line by line: GPUs and words."""
    path = tmp_path / "log"
    _program(tmp_path, path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "program"))
    monkeypatch.setattr(server, "LOOK", 0.05)
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    root = tmp_path / "experiments"
    shutil.copytree(experiments_folder(), root)
    monkeypatch.setattr("internvideo_pl.run.sweep.summary.experiments_folder", lambda: root)
    return path


def _program(folder: Path, log: Path, code: int = 0) -> None:
    (folder / "program").write_text(PROGRAM.format(log=log, code=code))
    (folder / "program").chmod(0o755)


def test_a_server_is_used_where_there_is_a_key_and_nobody_asked_to_stay_offline(client, monkeypatch):
    assert is_configured()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert not is_configured()
    monkeypatch.setenv("WANDB_MODE", "online")
    client.api.api_key = None
    assert not is_configured()


def test_a_sweep_is_created_once_worked_on_and_its_results_are_fetched(client, log, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    client.runs = [
        run_there(2, top1=61.5),
        run_there(1, top1=40.0),
        run_there(3, "crashed", top1=None),
        run_there(4, "killed", top1=12.0),
        run_there(5, "running", top1=None),
        run_there(6, optimizer={"lr": 1e-3, "layer_decay": 0.9}, top1="NaN"),
        run_there(7, other=1),
    ]
    main.main("k400_lr", ["seed=4"], mini=True, jobs=2)
    (made,) = client.created
    assert (made["project"], made["sweep"]["run_cap"]) == ("internvideo", 8)
    assert made["sweep"]["command"][-3:] == ["seed=4", "wandb.mode=online", "${args_no_hyphens}"]
    parent, *agents = log.read_text().splitlines()
    assert parent.strip() == "-m internvideo_pl run pretrain/masked_k400_base --mini"  # and then the agents
    assert sorted(agents) == ["0,1 -m wandb agent internvideo/s1", "2,3 -m wandb agent internvideo/s1"]

    folder = tmp_path / "results" / "sweeps" / "k400_lr-mini" / "001"
    trials = Trials(folder).all()
    assert [trial.state for trial in trials] == ["done", "done", "failed", "stopped", "running", "failed"]
    assert [trial.value for trial in trials[:2]] == [40.0, 61.5]
    assert (trials[0].seconds, trials[0].gpu_hours) == (36.0, pytest.approx(2 * 36 / 3600))
    assert trials[5].values == {"optimizer.lr": 1e-3, "optimizer.layer_decay": 0.9}
    for name in ("trials.md", "trials.csv", "parallel.svg", "importance.png"):
        assert (folder / name).stat().st_size > 0
    assert "seed: 4" in (tmp_path / "experiments" / "tuned" / "k400_lr_mini_1.yaml").read_text()
    assert "wandb agent internvideo/s1" in capsys.readouterr().out

    main.main("k400_lr", ["seed=4"], mini=True)
    assert len(client.created) == 1  # the same command goes on with it
    with pytest.raises(UserError, match="TRIALS=3: the sweep internvideo/s1 was created for 8 trials"):
        main.main("k400_lr", ["seed=4"], mini=True, limits=Limits(trials=3))
    main.main("k400_lr", ["seed=4"], mini=True, limits=Limits(trials=3), fresh=True)
    assert [each["sweep"]["run_cap"] for each in client.created] == [8, 3]


def test_limits_that_a_server_has_not_are_refused_before_anything_is_created(client, log):
    for limits, says in ((Limits(hours=2), "HOURS=2 holds"), (Limits(gpu_hours=1.5), "GPU_HOURS=1.5 holds")):
        with pytest.raises(UserError, match=says):
            main.main("k400_lr", mini=True, limits=limits)
    assert (client.created, log.exists()) == ([], False)


def test_a_server_that_refuses_or_does_not_answer_is_one_sentence(client, log, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise client.errors.Error("no such project")

    real = client.sweep
    monkeypatch.setattr(client, "sweep", fails)
    with pytest.raises(UserError, match=r"did not take the sweep \(no such project\); WANDB_MODE=offline runs it here"):
        main.main("k400_lr", mini=True)
    monkeypatch.setattr(client, "sweep", real)
    monkeypatch.setattr(client, "Api", fails)
    monkeypatch.setattr(main, "_run_parents", lambda *_: None)
    with pytest.raises(RunFailed, match="did not tell what the sweep internvideo/s1 has found"):
        main.main("k400_lr", mini=True)


def test_an_agent_that_fails_is_said_after_the_results(client, log, tmp_path, monkeypatch):
    monkeypatch.setattr(main, "_run_parents", lambda *_: None)
    _program(tmp_path, log, code=3)
    client.runs = [run_there(1)]
    with pytest.raises(RunFailed, match="ended with the exit code 3"):
        main.main("k400_lr", mini=True)
    assert len(Trials(tmp_path / "results" / "sweeps" / "k400_lr-mini" / "001").all()) == 1


STOPS = """
import sys
from internvideo_pl.errors import Interrupted
from internvideo_pl.run.sweep import server
from internvideo_pl.run.sweep.gpus import Shares
server.LOOK, sys.executable = 0.05, sys.argv[1]
try:
    server.run_agents("p/s", 2, Shares(2, None))
except Interrupted as stop:
    print(stop.code, stop, flush=True)
"""
WAITS = """#!/usr/bin/env python3
import os, signal, sys, time
asked = []
def handle(*_):  # as an agent: the first time it waits for its run, the second time it stops it
    asked.append(1)
    if len(asked) == 2:
        open(f"{log}.{os.getpid()}", "w").close()
        sys.exit(1)
signal.signal(signal.SIGINT, handle)
open(f"{log}.begun.{os.getpid()}", "w").close()
while True:
    time.sleep(0.05)
"""


def test_agents_are_told_to_stop_their_trials(tmp_path):
    program, log = tmp_path / "agent", tmp_path / "log"
    program.write_text(WAITS.replace("{log}", str(log)))
    program.chmod(0o755)
    root = Path(__file__).parents[3]
    child = subprocess.Popen(
        [sys.executable, "-c", STOPS, str(program)],
        env={**os.environ, "PYTHONPATH": f"{root}/src:{root}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("log.begun.*"))) < 2:
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    said = child.communicate(timeout=60)[0]
    assert "143 the agents were stopped; the same command goes on with the sweep" in said
    assert len(list(tmp_path.glob("log.[0-9]*"))) == 2


def test_a_pipeline_reports_its_own_model_to_the_agent(client, monkeypatch):
    rows = [SimpleNamespace(metrics={"top1": 40.0}), SimpleNamespace(metrics={"top1": 3.0})]
    finished = [SimpleNamespace(rows=[]), SimpleNamespace(rows=rows)]
    monkeypatch.delenv("WANDB_SWEEP_ID", raising=False)
    report_to_agent(finished)
    assert client.logged == []
    monkeypatch.setenv("WANDB_SWEEP_ID", "s1")
    report_to_agent(finished)
    assert client.logged == [{"test/top1": 40.0}]


@pytest.mark.parametrize("kind", NEEDS)
def test_a_value_goes_back_to_what_was_drawn(kind):
    parameter = read_parameter("x", SAID[kind])
    for share in (0.1, 0.4, 0.75):
        inner = parameter.low + share * (parameter.high - parameter.low)
        inner = int(share * len(parameter.choices)) if parameter.choices else inner
        inner = int(inner) if kind == "int_uniform" else inner
        value = parameter.outer(inner)
        assert parameter.outer(parameter.inner(value)) == value or math.isclose(
            parameter.outer(parameter.inner(value)), value, rel_tol=1e-4
        )
    weighed = read_parameter("x", {"values": ["a", "b"], "probabilities": [0.2, 0.8]})
    assert [weighed.outer(weighed.inner(value)) for value in "ab"] == ["a", "b"]


def test_importance_can_be_told_of_fetched_trials(client, tmp_path):
    optuna = pytest.importorskip("optuna", reason="the extra `sweep` is not installed")
    assert optuna
    from internvideo_pl.run.sweep.fetched import fetch_trials
    from internvideo_pl.run.sweep.sampler import importance

    sweep = read_sweep("k400_lr", mini=True)
    client.runs = [run_there(number, top1=float(number)) for number in range(20)]
    shares = importance(sweep, fetch_trials(sweep, "p/s", tmp_path, 0))
    assert shares["optimizer.lr"] > shares["optimizer.layer_decay"]
