"""A saved model, to be loaded or damaged."""

import pytest
import torch

from internvideo_pl.models import load


@pytest.fixture
def saved(tmp_path):
    """A small model in a folder, to be damaged."""
    torch.manual_seed(0)
    load("masked_tiny", fresh=True, classes=["run", "jump"]).save_pretrained(tmp_path / "model")
    return tmp_path / "model"
