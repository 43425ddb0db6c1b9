"""The bench of AVA's frame mAP: both sides agree on the world that is timed."""

import pytest

from internvideo_pl.bench import boxes


def test_both_evaluators_agree() -> None:
    assert boxes._ours(60)() == pytest.approx(boxes._slow(60)(), abs=1e-9)
