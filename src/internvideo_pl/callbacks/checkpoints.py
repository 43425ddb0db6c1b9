"""When the whole state of training is saved, under which names, and from which file a run continues.

`checkpoints/last.ckpt` is the newest, `previous.ckpt` the one before it. A new one is written beside them under a
temporary name and only then takes its place, so that whatever happens a sound one is left.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint

from internvideo_pl.callbacks.checkpoint_file import damage, require_room, size_of
from internvideo_pl.callbacks.interrupts import Interrupts
from internvideo_pl.data.loader import TrainingLoader
from internvideo_pl.errors import Interrupted, UserError

FOLDER, LAST, PREVIOUS = "checkpoints", "last.ckpt", "previous.ckpt"
AGREE_EVERY = 10  # steps between questions of several processes to each other: each question waits for the slowest
AGREE_WITHIN = 10.0  # seconds between them, or a step where that takes longer: a launcher waits for two minutes in all


class Checkpoints(Checkpoint):
    """Saves between two optimiser steps: after so many minutes, so many steps, on a signal, and when training ends.

    The moment is the start of the next batch, when everything of the step before it, its logged numbers included, is
    done. What Lightning's loops have counted of the batch in hand is taken back, as the loader does by itself.

    Args:
        folder: The run's folder.
        interrupts: Tells whether a signal asked the run to stop.
        minutes: Most minutes between two checkpoints.
        steps: A checkpoint after every so many optimiser steps as well; None for none.
    """

    def __init__(self, folder: Path, interrupts: Interrupts, minutes: float, steps: int | None):
        self.folder = folder / FOLDER
        self.interrupts = interrupts
        self.seconds = minutes * 60
        self.steps = steps
        self.step = 0  # the last one that was seen to end
        self.between_steps = False
        self.saved_step = self.looked_step = self.look_next = 0
        self.saved_at = self.looked_at = 0.0

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Begin to count.

        Raises:
            UserError: The disk has no room for a single checkpoint.
        """
        self.step = self.saved_step = self.looked_step = trainer.global_step
        self.look_next = self.step + 1
        self.saved_at = self.looked_at = time.monotonic()
        _count_batches(trainer)
        if trainer.is_global_zero:
            trained = [value for value in module.parameters() if value.requires_grad]
            copies = 3  # AdamW's two moments, and perhaps a moving average
            require_room(self.folder.parent, size_of(module.state_dict()) + copies * size_of(trained))

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Notice the end of an optimiser step; with accumulated gradients, not every batch is one."""
        self.between_steps = trainer.global_step > self.step
        self.step = trainer.global_step

    def on_train_batch_start(self, trainer: L.Trainer, *_: Any) -> None:
        """Save if it is time.

        Raises:
            Interrupted: A signal asked the run to stop; its state is saved.
        """
        if not self.between_steps:
            return
        self.between_steps = False
        late, asked = self._look(trainer)
        if late or asked or (self.steps is not None and self.step % self.steps == 0):
            self._save(trainer)
        if asked:
            self._stop(trainer)

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Save the end, so that a run that is stopped in its test need not train again.

        Raises:
            Interrupted: A signal has come since the last step began.
        """
        if trainer.global_step > self.saved_step:
            self._save(trainer)
        self.interrupts.training = False
        if _any(trainer, self.interrupts.asked is not None):
            self._stop(trainer)

    def on_save_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Take back the batch that has begun."""
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        for counted in (progress["current"], progress["total"]):
            counted["ready"] = counted["completed"]
        progress["is_last_batch"] = False

    def _look(self, trainer: L.Trainer) -> tuple[bool, bool]:
        """Whether it is time for a checkpoint, and whether a signal came; processes agree on when they ask each other.

        How long the slowest one's steps took since the last question says how many are made until the next.
        """
        late, asked = time.monotonic() - self.saved_at >= self.seconds, self.interrupts.asked is not None
        if trainer.world_size == 1:
            return late, asked
        if self.step < self.look_next:
            return False, False
        seconds = (time.monotonic() - self.looked_at) / (self.step - self.looked_step)
        here = torch.tensor([late, asked, seconds], dtype=torch.float32, device=trainer.strategy.root_device)
        late, asked, seconds = trainer.strategy.reduce(here, reduce_op="max").tolist()
        self.looked_step, self.looked_at = self.step, time.monotonic()
        self.look_next = self.step + min(max(int(AGREE_WITHIN / max(seconds, 1e-9)), 1), AGREE_EVERY)
        return bool(late), bool(asked)

    def _stop(self, trainer: L.Trainer) -> NoReturn:
        signum = self.interrupts.asked or signal.SIGTERM  # another process's, whose number is not known here
        raise Interrupted(signum, f"stopped after step {self.step} of {trainer.max_steps}, which is saved")

    def _save(self, trainer: L.Trainer) -> None:
        last, temporary = self.folder / LAST, self.folder / f"{LAST}.tmp"
        trainer.save_checkpoint(temporary)
        if trainer.is_global_zero:
            if last.exists():
                os.replace(last, self.folder / PREVIOUS)
            os.replace(temporary, last)
            _flush(self.folder)
        trainer.strategy.barrier()  # who ends first would have the others stopped before the file has its place
        self.saved_step, self.saved_at = trainer.global_step, time.monotonic()
        self.looked_step, self.looked_at = self.step, self.saved_at  # saving is no step


def _any(trainer: L.Trainer, here: bool) -> bool:
    """Whether it is so in any process; all of them have to ask."""
    return here if trainer.world_size == 1 else trainer.strategy.reduce_boolean_decision(here, all=False)


def _count_batches(trainer: L.Trainer) -> None:
    """Tell Lightning how many batches of the epoch are read: batches of another size are another number of them."""
    loader = trainer.train_dataloader
    if isinstance(loader, TrainingLoader):
        current = trainer.fit_loop.epoch_loop.batch_progress.current
        for name in vars(current):
            setattr(current, name, loader.place[1] // (loader.clips_a_batch * trainer.world_size))


def newest(folder: Path) -> Path | None:
    """The newest sound checkpoint of a run; None when it has saved none. Says so when a newer one is damaged.

    Raises:
        UserError: All are damaged.
    """
    found = [path for path in (folder / FOLDER / LAST, folder / FOLDER / PREVIOUS) if path.is_file()]
    for path in found:
        reason = damage(path)
        if reason is None:
            return path
        print(f"{path} is damaged ({reason}): going back to the checkpoint before it", file=sys.stderr)
    if found:
        raise UserError(f"no sound checkpoint is left in {folder / FOLDER}; start anew with FRESH=1 (--fresh)")
    return None


def step_of(path: Path) -> int:
    """Optimiser steps that a checkpoint has behind it."""
    return int(torch.load(path, map_location="cpu", mmap=True, weights_only=True)["global_step"])


def _flush(folder: Path) -> None:
    """Make renamed files last, even when the power fails next."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
