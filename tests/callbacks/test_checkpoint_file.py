"""Checkpoint files: no flipped bit goes unseen, nothing is executed, a full disk leaves nothing behind."""

import os
import pickle
import random
import resource
import signal
from pathlib import Path

import pytest
import torch
from torch import Tensor

from internvideo_pl.callbacks import checkpoint_file
from internvideo_pl.callbacks.checkpoint_file import SPARE, CheckpointFile, damage, require_room, size_of
from internvideo_pl.errors import UserError

STATE = {
    "state_dict": {"weight": torch.arange(3000.0), "half": torch.ones(7, 3, dtype=torch.bfloat16)},
    "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"betas": (0.9, 0.999)}]}],
    "loops": {"epoch": 2, "name": "fit", "done": False},
}


def flat(state: object) -> list[object]:
    """Everything in nested containers, tensors as lists."""
    if isinstance(state, dict):
        return [part for key, value in state.items() for part in (key, *flat(value))]
    if isinstance(state, list | tuple):
        return [part for value in state for part in flat(value)]
    return [(state.dtype, state.tolist())] if isinstance(state, Tensor) else [state]


@pytest.fixture
def saved(tmp_path) -> Path:
    CheckpointFile().save_checkpoint(STATE, tmp_path / "checkpoints" / "last.ckpt")
    return tmp_path / "checkpoints" / "last.ckpt"


def test_what_is_saved_is_loaded(saved):
    assert damage(saved) is None
    assert flat(CheckpointFile().load_checkpoint(saved)) == flat(STATE)
    assert [path.name for path in saved.parent.iterdir()] == ["last.ckpt"]


def test_a_flipped_bit_is_found_or_changes_nothing(saved):
    content, chance = saved.read_bytes(), random.Random(0)
    found = 0
    for _ in range(300):
        changed = bytearray(content)
        changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        saved.write_bytes(changed)
        if damage(saved) is None:  # a bit of padding or of a date
            assert flat(CheckpointFile().load_checkpoint(saved)) == flat(STATE)
        else:
            found += 1
    assert found > 200


@pytest.mark.parametrize("length", [0, 1, 100, 5000, -1, -22, -500])
def test_a_cut_file_is_found(saved, length):
    saved.write_bytes(saved.read_bytes()[:length])
    assert damage(saved) is not None
    with pytest.raises(UserError, match="is not a checkpoint of this project"):
        CheckpointFile().load_checkpoint(saved)


def test_pickled_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    torch.save({"state_dict": Evil()}, tmp_path / "torch.ckpt")
    (tmp_path / "plain.ckpt").write_bytes(pickle.dumps(Evil()))
    for name in ("torch.ckpt", "plain.ckpt"):
        with pytest.raises(UserError, match="is not a checkpoint of this project"):
            CheckpointFile().load_checkpoint(tmp_path / name)
    assert not (tmp_path / "owned").exists()


def test_shared_memory_counts_once_as_in_the_file(tmp_path):
    weight = torch.zeros(1 << 18)
    state = {"a": weight, "b": [weight, {"c": weight[:10]}], "d": torch.zeros(4, dtype=torch.int64)}
    assert size_of(state) == 4 * (1 << 18) + 32
    CheckpointFile().save_checkpoint(state, tmp_path / "file")
    assert size_of(state) < (tmp_path / "file").stat().st_size < size_of(state) + 4096


def test_room_is_asked_for_before_anything_is_written(tmp_path, monkeypatch):
    free = size_of(STATE) + SPARE
    usage = checkpoint_file.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(checkpoint_file.shutil, "disk_usage", lambda folder: usage._replace(free=free))
    require_room(tmp_path, size_of(STATE))
    monkeypatch.setattr(checkpoint_file.shutil, "disk_usage", lambda folder: usage._replace(free=free - 1))
    with pytest.raises(UserError, match="older ones are untouched"):
        CheckpointFile().save_checkpoint(STATE, tmp_path / "new.ckpt")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_while_it_is_written_leaves_nothing(tmp_path):
    """The limit on a file's size stands for the full disk: both fail a write in the middle."""
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
            CheckpointFile().save_checkpoint(STATE, tmp_path / "new.ckpt")
        except UserError as error:
            code = 0 if "cannot be written" in str(error) and "older ones are untouched" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list(tmp_path.iterdir()) == []
