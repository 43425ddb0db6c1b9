"""Clips through loader workers: readers side by side, and a training that waits for its input."""

import itertools
import logging
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from internvideo_pl.backbones.choices import MaskedChoice
from internvideo_pl.bench.readers import READERS, Plan, Read
from internvideo_pl.bench.report import Value
from internvideo_pl.callbacks import throughput
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig, TrainingClips
from internvideo_pl.data.loader import TrainingLoader
from internvideo_pl.data.order import TrainingOrder
from internvideo_pl.modules.masked import MaskedReconstruction
from internvideo_pl.objectives.masked import MaskedModeling, MaskedModelingConfig
from internvideo_pl.optim import OptimizerConfig

WORKERS, BATCH = 2, 8
STEPS = 20  # batches that are timed; as many as the callback leaves out come before, while the workers start


_QUIET: dict[str, Any] = dict.fromkeys(
    ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary", "use_distributed_sampler"), False
)


class _Clips(Dataset[tuple[Tensor, float]]):
    """Clips by one reader, each with its processor seconds. It is loaded in the worker: not all survive a fork."""

    def __init__(self, name: str, path: str, plan: Plan):
        self.name, self.path, self.plan = name, path, plan
        self.read: Read | None = None

    def __len__(self) -> int:
        return len(self.plan.numbers)

    def __getitem__(self, number: int) -> tuple[Tensor, float]:
        if self.read is None:
            self.read = READERS[self.name][1]()
        started = time.process_time()
        pixels = self.read(self.path, self.plan.numbers[number], self.plan.size)
        return torch.from_numpy(pixels), time.process_time() - started


@dataclass(frozen=True)
class Epoch:
    """One walk over some clips.

    Attributes:
        rate: Clips a second on the clock.
        effort: Processor seconds of all workers for all clips.
    """

    rate: float
    effort: float


def epochs(path: str, plan: Plan, names: Sequence[str], rounds: int) -> dict[str, list[Epoch]]:
    """Walks of readers behind two workers, one a round; they take turns, and their workers are running before."""
    loaders = {
        name: DataLoader(
            _Clips(name, path, plan),
            batch_size=None,
            num_workers=WORKERS,
            persistent_workers=True,
            worker_init_fn=_one_thread,
        )
        for name in names
    }
    walks: dict[str, list[Epoch]] = {name: [] for name in names}
    for round_ in range(rounds + 1):
        for name, loader in loaders.items():
            started = time.perf_counter()
            efforts = [effort for _, effort in loader]
            if round_ > 0:
                walks[name].append(Epoch(len(efforts) / (time.perf_counter() - started), sum(efforts)))
    return walks


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)


def train(path: str) -> dict[str, Value]:
    """Clips a second of an experiment's own loader, alone and in a training, and the share of the time that it waits.

    Args:
        path: A video; every clip reads it under a name of its own, so that nothing is known of it beforehand.
    """
    with tempfile.TemporaryDirectory() as folder:
        alone = _clips_per_second(_loader(path, Path(folder) / "alone"))
        pace = _fit(_loader(path, Path(folder) / "fit"))
    return {
        "loader, clips/s": alone,
        "training, clips/s": pace["clips_per_second"],
        "waiting for data, %": 100 * pace["data_wait"],
    }


def _loader(path: str, folder: Path) -> TrainingLoader:
    folder.mkdir()
    names = [folder / f"{number}.mp4" for number in range((STEPS + throughput.WARM_UP) * BATCH)]
    for name in names:
        name.symlink_to(Path(path).resolve())
    config = ClipConfig(name="own_videos", num_frames=16, batch_size=BATCH, num_workers=WORKERS)
    clips = TrainingClips([Sample(str(name), name.stem) for name in names], config, FrameCache(), seed=0, flip=False)
    return TrainingLoader(clips, TrainingOrder(len(names), seed=0), config)


def _clips_per_second(loader: TrainingLoader) -> float:
    batches: Iterator[object] = iter(loader)
    for _ in itertools.islice(batches, throughput.WARM_UP):
        pass
    started = time.perf_counter()
    read = sum(1 for _ in itertools.islice(batches, STEPS))
    return read * BATCH / (time.perf_counter() - started)


def _fit(loader: TrainingLoader) -> dict[str, float]:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    objective = MaskedModeling(MaskedChoice(size="tiny").build_autoencoder(), MaskedModelingConfig())
    module = MaskedReconstruction(
        objective, optimizer=OptimizerConfig(lr=1e-3), total_steps=len(loader), global_batch=BATCH
    )
    pace = throughput.Throughput(every=STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        L.Trainer(max_epochs=1, devices=1, callbacks=[pace], **_QUIET).fit(module, loader)
    return pace.summary
