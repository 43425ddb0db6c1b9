"""Which folder a command takes: a new one, that of the run it continues, or none."""

import errno
import fcntl
import json
import os
import signal
import socket
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from internvideo_pl.config import load_experiment
from internvideo_pl.errors import UserError
from internvideo_pl.run.batches import share_out
from internvideo_pl.run.claim import claim
from internvideo_pl.run.folder import mark_done
from internvideo_pl.run.lock import LOCK, Lock
from internvideo_pl.run.record import RECORD, Identity, note_start, read_record
from internvideo_pl.run.schemas import SCHEMAS

MINE = Identity("pretrain/a", False, 0, "abc")


def begun(results: Path, identity: Identity = MINE) -> Path:
    """A run that has started and is not at its end."""
    with claim(identity, results, resume=False) as claimed:
        note_start(claimed.folder, identity, {})
    return claimed.folder


def ended(folder: Path) -> Path:
    mark_done(folder, {"mini": False})
    (folder / "report.html").touch()
    return folder


def taken(results: Path, identity: Identity = MINE, **options) -> str:
    with claim(identity, results, **options) as claimed:
        return claimed.folder.name


@contextmanager
def held(folder: Path):
    """Another process that has the folder's lock."""
    child = os.fork()
    if not child:
        Lock(folder).acquire()
        (folder / "ready").touch()
        time.sleep(600)
    while not (folder / "ready").exists():
        time.sleep(0.01)
    (folder / "ready").unlink()
    try:
        yield child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_an_unfinished_run_of_the_same_identity_is_continued(tmp_path):
    assert begun(tmp_path).name == "001"
    assert taken(tmp_path) == "001"
    for other in ({"mini": True}, {"seed": 1}, {"config_hash": "abd"}):
        assert taken(tmp_path, replace(MINE, **other)) == "002", other
    assert taken(tmp_path, resume=False) == "002"


def test_the_newest_is_continued_unless_a_newer_one_came_to_its_end(tmp_path):
    first, second, third = begun(tmp_path), begun(tmp_path), begun(tmp_path, replace(MINE, seed=1))
    assert taken(tmp_path) == "002"
    ended(third)
    assert taken(tmp_path) == "002"
    ended(second)
    assert taken(tmp_path) == "004"
    assert not (first / "done.json").exists()


def test_a_run_without_its_report_is_not_at_its_end(tmp_path):
    mark_done(begun(tmp_path), {"mini": False})
    assert taken(tmp_path) == "001"


def test_a_run_whose_process_lives_is_left_alone(tmp_path, capsys):
    older, newer = begun(tmp_path), begun(tmp_path)
    with held(newer) as child:
        assert taken(tmp_path) == older.name
        assert f"{newer} is still written by process {child} on {socket.gethostname()}" in capsys.readouterr().err
        with pytest.raises(UserError, match=f"is still written by process {child}"):
            claim(MINE, tmp_path, newer)
    assert taken(tmp_path) == newer.name


def test_a_folder_in_which_nothing_began_is_taken_away(tmp_path):
    with claim(MINE, tmp_path) as claimed:
        assert claimed.folder.is_dir()
    assert not claimed.folder.exists()


def test_a_chosen_folder_is_continued_refused_or_made(tmp_path):
    folder = begun(tmp_path)
    assert taken(tmp_path, chosen=folder) == "001"
    with pytest.raises(
        UserError, match="another configuration, NAME=pretrain/a: its hash is abc, this command's is abd"
    ):
        claim(replace(MINE, config_hash="abd"), tmp_path, folder)
    with pytest.raises(UserError, match="already holds a run"):
        claim(MINE, tmp_path, folder, resume=False)
    with pytest.raises(UserError, match="already holds a run"):
        claim(MINE, tmp_path, ended(folder))
    assert taken(tmp_path, chosen=tmp_path / "elsewhere") == "elsewhere"


def test_a_damaged_record_is_no_run(tmp_path):
    (begun(tmp_path) / RECORD).write_text('{"identity": 3')
    assert taken(tmp_path) == "002"


def test_where_locks_are_unknown_the_process_is_looked_for(tmp_path, monkeypatch):
    def unknown(*_) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", unknown)
    folder = begun(tmp_path)
    for pid, host, alive in (
        (1, "elsewhere", True),
        (1, socket.gethostname(), True),
        (2**30, socket.gethostname(), False),
    ):
        (folder / LOCK).write_text(json.dumps({"pid": pid, "host": host}))
        assert Lock(folder).acquire() is not alive


def test_the_record_says_on_what_each_start_ran(tmp_path):
    parent = tmp_path / "parent.safetensors"
    parent.write_bytes(b"weights")
    first = note_start(tmp_path, MINE, {"backbone": parent})
    parent.write_bytes(b"other weights")
    second = note_start(tmp_path, MINE, {}, step=40)
    assert read_record(tmp_path) == second
    assert second.parents == first.parents  # what it began with is in its checkpoint
    assert second.wandb_id == first.wandb_id
    assert [begin["step"] for begin in second.starts] == [0, 40]
    assert {"time", "command", "process", "host", "code", "versions", "machine"} < second.starts[1].keys()
    assert {"torch", "lightning", "python"} < second.starts[0]["versions"].keys()


def test_where_a_run_happens_does_not_change_what_it_is():
    def of(*changes: str) -> Identity:
        return Identity.of("x", [load_experiment("pretrain/masked_k400_base", changes, mini=True, schemas=SCHEMAS)])

    plain = of()
    for same in ("data.num_workers=3", "data.pin_memory=true", "trainer.checkpoint_steps=5", "trainer.resume=false"):
        assert of(same) == plain, same
    for other in ("seed=1", "optimizer.ema=0.9", "data.batch_size=3", "trainer.max_steps=9"):
        assert of(other) != plain, other


def test_machines_are_no_part_of_a_runs_identity_but_the_number_of_processes_is() -> None:
    def identity(*words: str) -> Identity:
        experiment = load_experiment("pretrain/masked_k400_base", ["trainer.accelerator=gpu", *words], schemas=SCHEMAS)
        share_out(experiment)
        return Identity.of(experiment.name, [experiment])

    whole = identity("trainer.devices=16")
    assert identity("trainer.devices=8", "trainer.num_nodes=2") == whole
    assert identity("trainer.devices=4", "trainer.num_nodes=4") == whole
    assert identity("trainer.devices=8") != whole
    assert identity("trainer.devices=8", "trainer.num_nodes=4") != whole
