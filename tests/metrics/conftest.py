"""Evaluators that draw few replicas."""

from functools import partial

import pytest

from internvideo_pl.metrics import anticipation, bootstrap, boxes, captions, detection, open_set, recognition, temporal
from tests.metrics.replicas import REPLICAS


@pytest.fixture
def few(monkeypatch):
    """Few replicas, so that each can be evaluated from its start."""
    for module in (anticipation, boxes, captions, detection, open_set, recognition, temporal):
        monkeypatch.setattr(module, "bootstrap_figures", partial(bootstrap.bootstrap_figures, replicas=REPLICAS))
