"""A loss or a gradient that is not finite stops the run, and names the videos that it was computed from."""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.optim import Optimizer

from internvideo_pl.backbones.sharding import total_norm
from internvideo_pl.callbacks.checkpoints import FOLDER, LAST, step_of
from internvideo_pl.data.batch import Batch, Sample
from internvideo_pl.errors import RunFailed
from internvideo_pl.modules.base import VideoModule

REPORT = "non_finite.json"
LOOK_EVERY = 16  # batches between looks on a GPU, as each look waits for all that was queued; on a CPU every batch
NAMED = 3  # videos in the sentence; the report names all


@dataclass
class Seen:
    """A batch: the step it was for, positions of its videos and images in the split, whether its numbers are finite."""

    step: int
    index: Tensor
    images: Tensor
    loss: Tensor
    gradient: Tensor | None = None


class StopOnNonFinite(L.Callback):
    """Looks at losses and gradients; nothing is saved that it has not passed.

    With fp16 the gradient scaler makes gradients overflow now and then, and skips these steps itself: only the loss is
    looked at.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.seen: deque[Seen] = deque()
        self.unlooked = 0
        self.index = self.images = torch.empty(0)

    def on_train_batch_start(self, trainer: L.Trainer, module: L.LightningModule, batch: Batch, batch_idx: int) -> None:
        """Remember the batch in hand."""
        self.index = batch.index
        beside = getattr(batch, "images", None)  # of a mixture; batches of features have none
        self.images = batch.index[:0] if beside is None else beside.index

    def on_before_backward(self, trainer: L.Trainer, module: L.LightningModule, loss: Tensor) -> None:
        """Note whether the loss is finite.

        Raises:
            RunFailed: It is not.
        """
        self.seen.append(Seen(trainer.global_step, self.index, self.images, loss.detach().isfinite()))
        while len(self.seen) > LOOK_EVERY + trainer.accumulate_grad_batches:
            self.seen.popleft()
        self._look_in_time(trainer, module)

    def on_before_optimizer_step(self, trainer: L.Trainer, module: L.LightningModule, optimizer: Optimizer) -> None:
        """Note whether the gradient is finite.

        Raises:
            RunFailed: It is not.
        """
        if getattr(trainer.precision_plugin, "scaler", None) is None:
            gradients = [value.grad for value in module.parameters() if value.grad is not None]
            self.seen[-1].gradient = total_norm(gradients).isfinite()
            self._look_in_time(trainer, module)

    def on_save_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Nothing that is not finite replaces a good checkpoint.

        Raises:
            RunFailed: Something since the last look is not finite.
        """
        self._look(trainer, module)

    def _look_in_time(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.unlooked += 1
        if self.unlooked >= LOOK_EVERY or self.index.device.type == "cpu":
            self._look(trainer, module)

    def _look(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.unlooked = 0
        flags = [flag for seen in self.seen for flag in (seen.loss, seen.gradient) if flag is not None]
        if flags and not torch.stack(flags).all():  # one wait for the device
            self._stop(trainer, module)

    def _stop(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Say which batches, and raise."""
        assert isinstance(module, VideoModule)
        first = next(seen for seen in self.seen if not seen.loss or (seen.gradient is not None and not seen.gradient))
        what = "gradient" if first.loss else "loss"
        batches = [seen for seen in self.seen if seen.step == first.step] if first.loss else [first]
        samples = module.data.split("train").samples
        videos = [samples[i] for seen in batches for i in seen.index.tolist()]
        images = [samples[i] for seen in batches for i in seen.images.tolist()]
        path = self.folder / (f"rank{trainer.global_rank}_{REPORT}" if trainer.global_rank else REPORT)
        facts = {
            "what": what,
            "step": first.step,
            "epoch": trainer.current_epoch,
            "videos": _named(videos),
        } | ({"images": _named(images)} if images else {})
        path.write_text(json.dumps(facts, indent=2) + "\n")
        beside = f" and images ({_first(images)})" if images else ""
        raise RunFailed(
            f"the {what} of step {first.step} is not finite; its videos ({_first(videos)}){beside} are named in "
            f"{path}. {self._last_good()} Mend or remove a broken video, lower optimizer.lr, lengthen optimizer.warmup "
            "or set trainer.gradient_clip_val"
        )

    def _last_good(self) -> str:
        last = self.folder / FOLDER / LAST
        if not last.is_file():
            return "No checkpoint was saved before it."
        return f"The last good checkpoint, {last} after step {step_of(last)}, is untouched."


def _named(samples: Sequence[Sample]) -> list[dict[str, str]]:
    return [{"key": sample.key, "path": str(sample.path)} for sample in samples]


def _first(samples: Sequence[Sample]) -> str:
    return ", ".join(sample.key for sample in samples[:NAMED]) + (", ..." if len(samples) > NAMED else "")
