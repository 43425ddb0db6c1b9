"""All randomness of a training step is keyed by the step, so that a resumed run draws what an unbroken one would."""

import random

import lightning as L
import numpy as np
import torch

from internvideo_pl.data.batch import Batch


class StepRandomness(L.Callback):
    """Seeds Python, NumPy and PyTorch, on all devices, by (seed, epoch, batch, rank) before every batch.

    Masks, dropout and stochastic depth of a batch then depend on nothing that happened before: no generator's state
    has to be saved, and ranks draw differently.

    Args:
        seed: The run's.
    """

    def __init__(self, seed: int):
        self.seed = seed

    def on_train_batch_start(self, trainer: L.Trainer, module: L.LightningModule, batch: Batch, batch_idx: int) -> None:
        """Seed for this batch."""
        seed_all(self.seed, trainer.current_epoch, batch_idx, trainer.global_rank)

    def on_test_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """A test draws the same whether training just ended or was loaded."""
        seed_all(self.seed, trainer.global_rank)


def seed_all(*key: int) -> None:
    """Seed every generator by a hash of non-negative integers."""
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)  # on all devices
