"""Clips through loader workers: readers side by side, and a training that waits for its input."""

import itertools
import logging
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from internvideo_pl.backbones.choices import MaskedChoice
from internvideo_pl.bench.readers import READERS, Read, Size
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


class _Clips(Dataset[Tensor]):
    """Clips by one reader, which is loaded in the worker: some of them do not survive a fork."""

    def __init__(self, name: str, path: str, plan: Sequence[Sequence[int]], size: Size | None):
        self.name, self.path, self.plan, self.size = name, path, plan, size
        self.read: Read | None = None

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, number: int) -> Tensor:
        if self.read is None:
            self.read = READERS[self.name][1]()
        return torch.from_numpy(self.read(self.path, self.plan[number], self.size))


def epochs(
    path: str, plan: Sequence[Sequence[int]], size: Size | None, names: Sequence[str], rounds: int
) -> dict[str, list[float]]:
    """Clips a second of readers behind two workers, once a round; they take turns, their workers are running before."""
    loaders = {
        name: DataLoader(
            _Clips(name, path, plan, size),
            batch_size=None,
            num_workers=WORKERS,
            persistent_workers=True,
            worker_init_fn=_one_thread,
        )
        for name in names
    }
    rates: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(rounds + 1):
        for name, loader in loaders.items():
            started = time.perf_counter()
            clips = sum(1 for _ in loader)
            if round_ > 0:
                rates[name].append(clips / (time.perf_counter() - started))
    return rates


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
