"""Features of long videos, written as they are made: one file a video, whole or not at all.

Shapes: B windows of a batch, D width.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from internvideo_pl.backbones.clip_vector import ClipVector
from internvideo_pl.data.batch import Batch
from internvideo_pl.data.features.file import VideoFeatures, write_features
from internvideo_pl.data.features.folder import FeatureFolder
from internvideo_pl.data.temporal.module import LocalizationData
from internvideo_pl.modules.base import Outcome, VideoModule

FOLDER = "features"  # in a run's folder


class FeatureExtraction(VideoModule):
    """Runs a backbone over every window of every video.

    A run that was cut short goes on after the last whole file; every process writes its own videos.

    Args:
        objective: The backbone.
        folder: Where the files go; None for `features` in the run's folder.
        optimisation: See `VideoModule`.
    """

    objective: ClipVector

    def __init__(self, objective: ClipVector, folder: Path | None, **optimisation: Any):
        super().__init__(objective, **optimisation)
        self.wanted = folder
        self.pieces: dict[int, list[tuple[np.ndarray, float]]] = {}  # by video: features (B, D) and their first time

    @property
    def files(self) -> FeatureFolder:
        """The folder that is written into."""
        return FeatureFolder(self.wanted or Path(self.trainer.default_root_dir) / FOLDER)

    def setup(self, stage: str) -> None:
        """Takes the folder, and has the loader leave out what is in it.

        Raises:
            UserError: It holds features of another recipe, or cannot be written.
        """
        assert isinstance(self.data, LocalizationData)
        protocol = {name: value for name, value in self.data.protocol.items() if name not in ("split", "views")}
        self.files.begin({**protocol, "width": self.objective.width, "weights": fingerprint(self.objective)})
        self.data.done = self.files.has

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps a video's windows until its last one, then writes its file."""
        if not len(batch):
            return
        index, told = int(batch.index[0]), batch.annotations
        vectors = self.objective(self.objective.input.prepare(batch.video)).float().cpu().numpy()
        if int(batch.view[0]) == 0:
            self.pieces[index] = []
        mine = self.pieces[index]
        mine += [(vector, each["second"]) for vector, each in zip(vectors, told, strict=True)]
        if len(mine) == told[0]["windows"]:
            self._write(index, told[0]["duration"])

    def on_test_epoch_end(self) -> None:
        """Writes the index once all processes are done, and says how many videos there are."""
        self.pieces.clear()  # of videos that turned out to be unreadable on the way
        self.trainer.strategy.barrier()
        files = self.files
        if self.trainer.is_global_zero:
            files.finish()
        self.finish(
            Outcome(
                task="feature_extraction",
                metrics={"videos": float(len(files.paths()))},
                headline="videos",
                chance={},
                protocol={"width": self.objective.width},
            )
        )

    def _write(self, index: int, duration: float) -> None:
        vectors, seconds = zip(*self.pieces.pop(index), strict=True)
        key = self.data.split("test").samples[index].key
        write_features(self.files.folder, key, VideoFeatures(np.stack(vectors), np.asarray(seconds), duration))


def fingerprint(model: nn.Module) -> str:
    """Twelve digits that stand for a model's tensors."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:12]
