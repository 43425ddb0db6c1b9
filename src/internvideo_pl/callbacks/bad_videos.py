"""Videos that cannot be read: named with their reasons, limited in training, counted in evaluation."""

from pathlib import Path
from typing import Any

import lightning as L
from torch import distributed

from internvideo_pl.data.batch import Batch
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.video.faults import Ledger


class BadVideos(L.Callback):
    """Keeps the ledger of a run, in `bad_videos.json` beside it.

    Training stops when more of the list is unreadable than the experiment allows (`data.bad_videos`); an evaluation
    never stops and never replaces a video.

    Args:
        ledger: What was found before the run; grows with it.
        folder: The run's folder.
    """

    def __init__(self, ledger: Ledger, folder: Path):
        self.ledger = ledger
        self.folder = folder

    def on_train_batch_end(self, trainer: L.Trainer, module: L.LightningModule, outputs, batch: Batch, *_) -> None:
        """Record substitutes.

        Raises:
            UserError: Too many videos of the training list are unreadable.
        """
        for fault in batch.faults:
            self.ledger.record(fault)

    def on_test_batch_end(self, trainer: L.Trainer, module: L.LightningModule, outputs, batch: Batch, *_) -> None:
        """Record what a test could not read, for the row's coverage."""
        assert isinstance(module, VideoModule)
        found = Ledger(self.ledger.total, budget=1.0)
        for fault in batch.faults:
            found.record(fault)
        self.ledger.merge(found)
        module.unread.update(found.faults)

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Learn what other processes found."""
        self._share()

    def on_test_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Learn what other processes could not read, before the module says what its test covers."""
        assert isinstance(module, VideoModule)
        module.unread = set().union(*_everyones(module.unread))
        self._share()

    def _share(self) -> None:
        for faults in _everyones(self.ledger.faults):
            self.ledger.merge(Ledger(self.ledger.total, budget=1.0, faults=faults))

    def state_dict(self) -> dict[str, dict[str, str]]:
        """What all processes, each of which asks, have found so far."""
        self._share()
        return {"faults": dict(self.ledger.faults)}

    def load_state_dict(self, state: dict[str, dict[str, str]]) -> None:
        """Take it over."""
        self.ledger.merge(Ledger(self.ledger.total, budget=1.0, faults=state["faults"]))

    def teardown(self, trainer: L.Trainer, module: L.LightningModule, stage: str) -> None:
        """Write the ledger when something is in it."""
        if self.ledger.faults and trainer.is_global_zero:
            self.ledger.write(self.folder / "bad_videos.json")


def _everyones(found: Any) -> list[Any]:
    """What each process has found, in the order of their ranks."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return [found]
    gathered: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(gathered, found)
    return gathered
