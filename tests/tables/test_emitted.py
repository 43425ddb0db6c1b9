"""Every figure that the paper's tables and verdicts ask for is one that a test of that benchmark emits."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from internvideo_pl.metrics import boxes, detection
from internvideo_pl.metrics.answers import Answers
from internvideo_pl.metrics.anticipation import ShortTermAnticipation, TrueObjects
from internvideo_pl.metrics.boxes import FrameDetection
from internvideo_pl.metrics.choices import Choices
from internvideo_pl.metrics.detection import ObjectDetection
from internvideo_pl.metrics.hands import HandForecast
from internvideo_pl.metrics.navigation import Journey, Navigation
from internvideo_pl.metrics.open_set import KNOWN, UNKNOWN, OpenSet
from internvideo_pl.metrics.recognition import Recognition
from internvideo_pl.metrics.retrieval import Retrieval
from internvideo_pl.metrics.spans import LanguageQueries
from internvideo_pl.metrics.temporal import TemporalDetection, TrueSegments
from internvideo_pl.tables.paper import paper
from internvideo_pl.tables.printed import table_figures

FOUR, NONE = torch.arange(4), torch.zeros(4, dtype=torch.int64)
BOX = np.array([[0.1, 0.1, 0.5, 0.5]])


def measured(metric, *given) -> dict[str, float]:
    """What it computes after one update."""
    metric.update(*given)
    return metric.compute()


def recognition() -> dict[str, float]:
    return measured(Recognition(6, 4), torch.rand(4, 6), FOUR, FOUR, NONE)


def segments() -> dict[str, float]:
    truth = TrueSegments(np.array([0]), np.array([[1.0, 2.0]]), np.array([0]), 1)
    metric = TemporalDetection(truth, thresholds=(0.5,), evaluator="activitynet")
    return measured(metric, 0, torch.tensor([[1.0, 2.0]]), torch.ones(1), NONE[:1])


def frames() -> dict[str, float]:
    metric = FrameDetection(boxes.TrueBoxes(np.array([0]), BOX, np.array([1]), 1, (1,)))
    return measured(metric, np.array([0]), np.array([1]), torch.from_numpy(BOX), torch.ones(1), torch.ones(1).long())


def retrieval() -> dict[str, float]:
    return measured(Retrieval(3, 4), FOUR, torch.rand(4, 3), torch.rand(4, 3))


def answers() -> dict[str, float]:
    return measured(Answers(4, ["what"], [0]), torch.rand(4, 6), FOUR, NONE, FOUR)


def choices() -> dict[str, float]:
    return measured(Choices(5, 4), torch.rand(4, 5), FOUR, FOUR, NONE)


def open_set() -> dict[str, float]:
    part = torch.tensor([KNOWN, KNOWN, UNKNOWN, UNKNOWN])
    return measured(OpenSet(3, 3), torch.rand(4, 3), NONE, part, FOUR, NONE)


def navigation() -> dict[str, float]:
    path = np.arange(12.0).reshape(4, 3)
    forward, ends = np.ones(3, dtype=bool), np.arange(1, 4)
    return measured(Navigation(1), 0, Journey(path, np.abs(path).sum(1), forward, ends, stopped=True), path)


def anticipation() -> dict[str, float]:
    zero = np.array([0])
    metric = ShortTermAnticipation(TrueObjects(zero, 100 * BOX, zero, zero, np.ones(1), 1))
    return measured(metric, 0, torch.from_numpy(100 * BOX), torch.ones(1), NONE[:1], NONE[:1], torch.ones(1))


def hands() -> dict[str, float]:
    points = torch.rand(4, 5, 2, 2).double() + 1
    return measured(HandForecast(4), points, points + 1, FOUR, NONE)


def queries() -> dict[str, float]:
    windows = torch.rand(4, 5, 2).double().sort().values
    return measured(LanguageQueries(4), windows, windows[:, 0], FOUR)


def objects() -> dict[str, float]:
    pytest.importorskip("faster_coco_eval", reason="faster-coco-eval is not installed: the extra `detection`")
    box = np.array([[10.0, 10.0, 20.0, 20.0]])
    return measured(
        ObjectDetection(detection.TrueBoxes(np.array([7]), box, [7])), 7, torch.from_numpy(box), torch.ones(1)
    )


TESTS: dict[str, Callable[[], dict[str, float]]] = {
    "recognition": recognition,
    "zero_shot_recognition": recognition,
    "temporal_localization": segments,
    "spatiotemporal_localization": frames,
    "retrieval": retrieval,
    "qa": answers,
    "multiple_choice": choices,
    "open_set": open_set,
    "navigation": navigation,
    "ego4d_short_term_anticipation": anticipation,
    "ego4d_future_hand_prediction": hands,
    "ego4d_natural_language_queries": queries,
    "ego4d_state_change_object_detection": objects,
    "ego4d_moment_queries": segments,
}


@pytest.mark.parametrize("task", TESTS)
def test_what_the_tables_ask_for_is_emitted(task):
    torch.manual_seed(0)
    benchmarks = [each for each in paper().benchmarks.values() if each.task == task]
    ids = {each.id for each in benchmarks}
    asked = {metric for each in benchmarks for metric in each.paper}
    columns = [figure for name in paper().tables for figure in table_figures(name) if figure]
    asked |= {metric for name, metric in columns if name in ids}
    assert asked
    assert asked <= TESTS[task]().keys()


def test_every_benchmark_is_asked_of():
    assert {each.task for each in paper().benchmarks.values()} == TESTS.keys()
