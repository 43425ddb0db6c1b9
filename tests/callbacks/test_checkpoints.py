"""Checkpoints of several processes: killed together, continued by as many, by fewer or by more."""

import os
import signal
import time
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor, multiprocessing, nn
from torch.amp import GradScaler
from torch.utils.data import Dataset

from internvideo_pl.callbacks import checkpoints
from internvideo_pl.callbacks.checkpoint_file import CheckpointFile
from internvideo_pl.callbacks.checkpoints import Checkpoints, newest, step_of
from internvideo_pl.callbacks.interrupts import Interrupts
from internvideo_pl.data.batch import Batch, Clip
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.loader import TrainingLoader
from internvideo_pl.data.order import Draw, TrainingOrder

SAMPLES, GLOBAL_BATCH, STEPS = 40, 6, 16  # six steps an epoch, and four samples over


class Drawn(Dataset):
    """Clips that show nothing but their draw."""

    def __getitem__(self, draw: Draw) -> list[Clip]:
        return [Clip(torch.full((1, 1, 1, 3), draw.index, dtype=torch.uint8), draw.index, label=draw.epoch)]


class Toy(L.LightningModule):
    """A line through the samples' numbers, which notes what each step read.

    `die_at` is a step that nobody survives, `told_at` one in which process 1 alone gets a signal.
    """

    def __init__(self, notes: Path, die_at: int = -1, told_at: int = -1, seconds: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.line = nn.Linear(3, 1).double()
        self.notes, self.die_at, self.told_at, self.seconds = notes, die_at, told_at, seconds

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        if self.global_step == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.global_step == self.told_at and self.global_rank == 1:
            self.interrupts.asked = signal.SIGTERM
        time.sleep(self.seconds)
        with (self.notes / f"{self.global_step}-{os.getpid()}").open("a") as file:
            file.writelines(f"{epoch} {index}\n" for epoch, index in zip(batch.label, batch.index, strict=True))
        return ((self.line(batch.video.flatten(1).double() / SAMPLES) - batch.index[:, None] % 7) ** 2).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=0.01)


def fit(
    folder: Path, processes: int, die_at: int = -1, scaler: GradScaler | None = None, pace=(-1, 0.0), **saving
) -> Toy:
    """Train from the newest checkpoint, if there is one; the global batch stays the same."""
    notes = folder / "notes"
    notes.mkdir(parents=True, exist_ok=True)
    config = ClipConfig(name="toy", num_frames=1, batch_size=GLOBAL_BATCH // processes, num_workers=0)
    module, interrupts = Toy(notes, die_at, *pace), Interrupts()
    module.interrupts = interrupts
    options = {"minutes": 1e6, "steps": 4} | saving
    trainer = L.Trainer(
        accelerator="cpu",
        devices=processes,
        strategy="ddp_fork" if processes > 1 else "auto",
        max_epochs=-1,
        max_steps=STEPS,
        callbacks=[interrupts, Checkpoints(folder, interrupts, **options)],
        plugins=[CheckpointFile(), *([MixedPrecision("16-mixed", "cpu", scaler)] if scaler else [])],
        use_distributed_sampler=False,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    loader = TrainingLoader(Drawn(), TrainingOrder(SAMPLES, seed=3), config)
    checkpoint = newest(folder)
    if checkpoint:  # what a start after the last checkpoint read is read again
        for note in notes.iterdir():
            if int(note.name.split("-")[0]) >= step_of(checkpoint):
                note.unlink()
    trainer.fit(module, loader, ckpt_path=checkpoint, weights_only=True)
    return module


def reads(folder: Path) -> list[list[str]]:
    """What each step read, in all processes and starts."""
    steps: dict[int, list[str]] = {}
    for note in (folder / "notes").iterdir():
        steps.setdefault(int(note.name.split("-")[0]), []).extend(note.read_text().splitlines())
    return [sorted(steps[step]) for step in sorted(steps)]


def weights(folder: Path) -> Tensor:
    state = CheckpointFile().load_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"]
    return torch.cat([value.flatten() for value in state.values()])


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    fit(folder, 1)
    return folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("first", "second"), [(2, 2), (2, 1), (1, 3), (3, 2)])
def test_any_number_of_processes_goes_on_where_any_other_was_killed(tmp_path, unbroken, first, second):
    if first == 1:
        child = os.fork()
        if not child:
            fit(tmp_path, 1, die_at=10)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    else:
        with pytest.raises(multiprocessing.ProcessExitedException):
            fit(tmp_path, first, die_at=10)
    assert step_of(newest(tmp_path)) == 8  # in the second epoch
    fit(tmp_path, second)
    assert reads(tmp_path) == reads(unbroken)
    assert len(reads(tmp_path)) == STEPS
    assert torch.allclose(weights(tmp_path), weights(unbroken), rtol=1e-12, atol=0)


@pytest.mark.filterwarnings("ignore")
def test_the_gradient_scaler_goes_on_too(tmp_path):
    def scaler() -> GradScaler:
        return GradScaler("cpu", init_scale=2.0**10, growth_interval=3)

    whole, broken = scaler(), scaler()
    fit(tmp_path / "whole", 1, scaler=whole)
    child = os.fork()
    if not child:
        fit(tmp_path / "broken", 1, die_at=10, scaler=scaler())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    fit(tmp_path / "broken", 1, scaler=broken)
    assert broken.state_dict() == whole.state_dict()
    assert whole.get_scale() == 2.0 ** (10 + STEPS // 3)
    assert torch.equal(weights(tmp_path / "broken"), weights(tmp_path / "whole"))


def test_time_alone_brings_a_checkpoint(tmp_path):
    fit(tmp_path, 1, minutes=1e-9, steps=None)
    assert step_of(tmp_path / "checkpoints" / "previous.ckpt") == STEPS - 1
    assert step_of(tmp_path / "checkpoints" / "last.ckpt") == STEPS
    fit(tmp_path / "seldom", 1, steps=None)
    assert [path.name for path in (tmp_path / "seldom" / "checkpoints").iterdir()] == ["last.ckpt"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("seconds", "asked"), [(0.0, 11), (0.1, STEPS - 1)])
def test_processes_ask_each_other_more_often_when_steps_are_slow(tmp_path, monkeypatch, seconds, asked):
    monkeypatch.setattr(checkpoints, "AGREE_WITHIN", 0.15 if seconds else 10.0)
    fit(tmp_path, 2, minutes=1e-9, steps=None, pace=(-1, seconds))
    assert step_of(tmp_path / "checkpoints" / "previous.ckpt") == asked  # then the end
    assert step_of(tmp_path / "checkpoints" / "last.ckpt") == STEPS


@pytest.mark.filterwarnings("ignore")
def test_a_signal_to_one_process_stops_all_after_a_slow_step(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "AGREE_WITHIN", 0.15)
    with pytest.raises((multiprocessing.ProcessRaisedException, multiprocessing.ProcessExitedException)):
        fit(tmp_path, 2, steps=None, pace=(3, 0.1))
    assert step_of(newest(tmp_path)) == 4


def test_a_disk_without_room_is_refused_before_the_first_step(tmp_path, monkeypatch):
    from internvideo_pl.callbacks import checkpoint_file
    from internvideo_pl.errors import UserError

    usage = checkpoint_file.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(checkpoint_file.shutil, "disk_usage", lambda folder: usage._replace(free=2**20))
    with pytest.raises(UserError, match="free some space"):
        fit(tmp_path, 1)
    assert list((tmp_path / "notes").iterdir()) == []
