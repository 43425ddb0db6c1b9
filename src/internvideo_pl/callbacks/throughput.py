"""How fast a run trains: clips and tokens a second, share of the peak, waiting for data, memory; and what to do."""

import resource
import time
from typing import Any

import lightning as L
import torch
from torch.utils.flop_counter import FlopCounterMode

from internvideo_pl.backbones.recompute import Recomputation
from internvideo_pl.data.batch import Batch
from internvideo_pl.data.features.batch import FeatureBatch
from internvideo_pl.modules.base import VideoModule

WARM_UP = 3  # steps left out: allocation, autotuning, and the one whose operations are counted
BOUND = 0.15  # waiting for more than this share of the time is called data-bound

# Dense bfloat16 multiply-adds of the makers' data sheets, in FLOP/s; Lightning's own table knows no H200 and counts
# sparse ones for some boards. The first name that the device's name contains counts.
PEAK_FLOPS = {
    "GB200": 2500e12,
    "B200": 2250e12,
    "GH200": 989e12,
    "H200 NVL": 835e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "V100-PCIE": 112e12,
    "V100": 125e12,
    "L40S": 362e12,
    "L40": 181e12,
    "L4": 121e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
    "T4": 65e12,
}


def peak_flops(name: str) -> float | None:
    """Peak of a GPU by its name; None for one that is not in the table."""
    return next((peak for part, peak in PEAK_FLOPS.items() if part in name), None)


class Throughput(L.Callback):
    """Logs the pace under `pace/`, without a synchronisation between two logs.

    Args:
        every: Steps from one log to the next.

    Tokens are those that the video encoder reads, as `VideoModule.tokens_per_clip` says: in masked pretraining the
    visible ones. Floating-point operations, forward and backward, two for a multiply-add, are counted on the first
    batch beside the step itself: under the counter gradients are added up in another order, and a run would no longer
    repeat bit by bit.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self.flops_per_clip: float | None = None
        self.summary: dict[str, float] = {}
        self._steps = self._clips = 0
        self._tokens = 0  # of a clip; 0 where features take the place of pixels
        self._waited = self._begun = self._ended = 0.0
        self._totals = [0.0, 0.0, 0.0]  # seconds, clips, seconds waited of all windows

    def on_train_batch_start(self, trainer: L.Trainer, module: L.LightningModule, batch: Any, batch_idx: int) -> None:
        """The loader has delivered: note how long that took."""
        if self._steps >= WARM_UP:
            self._waited += time.perf_counter() - self._ended
        elif self._steps == 0 and isinstance(module, VideoModule) and len(batch):
            self.flops_per_clip = count_flops(trainer, module, batch) / len(batch)
            if isinstance(batch, Batch) and batch.video.dtype == torch.uint8:
                self._tokens = module.tokens_per_clip

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """A batch is done: count it, and log at the end of a window."""
        self._steps += 1
        if self._steps > WARM_UP:
            self._clips += len(batch) if isinstance(batch, Batch | FeatureBatch) else 0
            if (self._steps - WARM_UP) % self.every == 0:
                self._close_window(trainer)
        elif self._steps == WARM_UP:
            self._open_window(trainer)
        self._ended = time.perf_counter()

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Sum all windows up."""
        seconds, clips, waited = self._totals
        if seconds > 0:
            self.summary = self._pace(trainer, seconds, clips, waited)

    def advice(self) -> str:
        """One line when the run waited for its input; empty otherwise."""
        share = self.summary.get("data_wait", 0.0)
        if share <= BOUND:
            return ""
        return (
            f"Training waited for its input {share:.0%} of the time: raise data.num_workers, keep smaller copies of "
            "the videos (make shard REENCODE=1), or draw several clips from each video that is read (data.num_sample)."
        )

    def _open_window(self, trainer: L.Trainer) -> None:
        _finish_kernels(trainer)
        self._begun, self._clips, self._waited = time.perf_counter(), 0, 0.0

    def _close_window(self, trainer: L.Trainer) -> None:
        _finish_kernels(trainer)
        window = (time.perf_counter() - self._begun, float(self._clips), self._waited)
        self._totals = [total + part for total, part in zip(self._totals, window, strict=True)]
        pace = {f"pace/{name}": value for name, value in self._pace(trainer, *window).items()}
        for logger in trainer.loggers:
            logger.log_metrics(pace, step=trainer.global_step - 1)  # the step that is done, as losses are logged
        self._open_window(trainer)

    def _pace(self, trainer: L.Trainer, seconds: float, clips: float, waited: float) -> dict[str, float]:
        """Figures over all processes, each taken to be as fast as this one."""
        pace = {
            "clips_per_second": clips / seconds * trainer.world_size,
            "data_wait": waited / seconds,
            "peak_memory_gb": _peak_memory(trainer) / 2**30,
        }
        if self._tokens:
            pace["tokens_per_second"] = pace["clips_per_second"] * self._tokens
        if self.flops_per_clip:
            achieved = self.flops_per_clip * clips / seconds
            pace["tflops_per_device"] = achieved / 1e12
            if peak := _peak(trainer):
                pace["mfu"] = achieved / peak
        return pace


def count_flops(trainer: L.Trainer, module: VideoModule, batch: Batch) -> float:
    """Operations of a batch's forward and backward pass; leaves weights, statistics, gradients and generators alone.

    What activation checkpointing computes again is no useful work and not counted; it is computed here too, since a
    batch that needs it would not fit without.
    """
    modes = {part: part.training for part in module.modules()}
    module.eval()
    devices = [trainer.strategy.root_device] if trainer.strategy.root_device.type == "cuda" else []
    try:
        with (
            torch.random.fork_rng(devices),
            torch.enable_grad(),
            torch.compiler.set_stance("force_eager"),  # a compiled block's operations could not be counted
            FlopCounterMode(display=False) as counter,
            Recomputation(counter.get_total_flops) as again,
            trainer.precision_plugin.forward_context(),
        ):
            module.losses(batch)["loss"].backward()
    finally:
        module.zero_grad(set_to_none=True)
        for part, mode in modes.items():
            part.training = mode
    return float(counter.get_total_flops() - again.total)


def _finish_kernels(trainer: L.Trainer) -> None:
    if trainer.strategy.root_device.type == "cuda":
        torch.cuda.synchronize(trainer.strategy.root_device)


def _peak(trainer: L.Trainer) -> float | None:
    device = trainer.strategy.root_device
    return peak_flops(torch.cuda.get_device_name(device)) if device.type == "cuda" else None


def _peak_memory(trainer: L.Trainer) -> float:
    """Bytes: allocated on the GPU, or resident in this process on a CPU."""
    device = trainer.strategy.root_device
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0  # Linux counts kibibytes
