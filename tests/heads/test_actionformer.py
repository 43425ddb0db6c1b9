"""ActionFormer: gradients everywhere, suppression and voting against loops written from the public C++ code."""

import math

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.heads.actionformer import ActionFormer, ActionFormerConfig, Level
from internvideo_pl.heads.detect_segments import DetectConfig, Detections, detect, name_by_video
from internvideo_pl.heads.suppress import overlaps, soft_nms, vote


def small(**more) -> ActionFormer:
    return ActionFormer(6, 3, ActionFormerConfig(width=16, heads=2, levels=3, windows=[5], max_len=32, **more))


def test_every_level_predicts_every_class_and_distances_that_are_not_negative():
    torch.manual_seed(0)
    mask = torch.arange(32)[None] < torch.tensor([[32], [21]])
    levels = small()(torch.randn(2, 6, 32) * mask[:, None], mask)
    assert [level.stride for level in levels] == [1, 2, 4]
    for level in levels:
        places = 32 // level.stride
        assert (level.logits.shape, level.offsets.shape) == ((2, 3, places), (2, 2, places))
        assert (level.offsets >= 0).all()
        assert level.mask.sum(1).tolist() == [places, -(-21 // level.stride)]


def test_a_gradient_reaches_every_weight_and_classes_begin_as_rare_as_the_prior():
    torch.manual_seed(0)
    model = small(drop_path=0.0)
    levels = model(torch.randn(2, 6, 32), torch.ones(2, 32, dtype=torch.bool))
    loss = sum(level.logits.square().mean() + (level.offsets + 0.1).square().mean() for level in levels)
    loss.backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []
    assert levels[0].logits.sigmoid().mean().item() == pytest.approx(0.01, rel=0.5)


def test_levels_are_taught_doubling_distances_or_those_that_are_named():
    assert ActionFormerConfig(levels=3).reach == [[0.0, 4.0], [4.0, 8.0], [8.0, 1e4]]
    with pytest.raises(UserError, match="must be a \\[least, most\\] for each of 6 levels"):
        ActionFormerConfig(reach=[[0, 4]])


def slow_soft_nms(segments, scores, sigma, least, most):
    """Step by step, as ActionFormer's nms_1d_cpu.cpp does it in place."""
    boxes = [[*segment, score, row] for row, (segment, score) in enumerate(zip(segments, scores, strict=True))]
    kept = []
    while boxes and len(kept) < most:
        best = max(range(len(boxes)), key=lambda i: boxes[i][2])
        start, end, score, row = boxes.pop(best)
        if score < least:
            break
        kept.append((row, score))
        rest = []
        for other in boxes:
            common = max(0.0, min(end, other[1]) - max(start, other[0]))
            union = (end - start) + (other[1] - other[0]) - common
            other[2] *= math.exp(-((common / union) ** 2) / sigma)
            if other[2] >= least:
                rest.append(other)
        boxes = rest
    return kept


@pytest.mark.parametrize("seed", range(20))
def test_soft_suppression_equals_the_loop(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 40))
    start = rng.uniform(0, 20, count)
    segments = np.stack([start, start + rng.uniform(0.1, 8, count)], axis=1)
    scores = rng.uniform(0.001, 1, count)
    rows, kept = soft_nms(segments, scores, 0.5, 0.02, 25)
    expected = slow_soft_nms(segments, scores, 0.5, 0.02, 25)
    assert rows.tolist() == [row for row, _ in expected]
    np.testing.assert_allclose(kept, [score for _, score in expected], atol=1e-12)


def test_suppression_of_nothing_and_of_equal_stretches():
    assert soft_nms(np.zeros((0, 2)), np.zeros(0), 0.5, 0.001, 10)[0].tolist() == []
    twice = np.array([[1.0, 2.0], [1.0, 2.0]])
    rows, scores = soft_nms(twice, np.array([0.9, 0.9]), 0.5, 0.001, 10)
    assert rows.tolist() == [0, 1]
    np.testing.assert_allclose(scores, [0.9, 0.9 * math.exp(-2)])
    assert overlaps(np.zeros(2), np.zeros(2)) == 0


def test_voting_is_the_mean_of_those_that_overlap_enough_by_their_score():
    segments = np.array([[0.0, 10.0], [0.0, 9.0], [20.0, 30.0]])
    scores = np.array([0.8, 0.4, 0.5])
    np.testing.assert_allclose(vote(segments[[0, 2]], segments, scores, 0.7), [[0.0, (8.0 + 3.6) / 1.2], [20.0, 30.0]])


def level(logits, offsets, stride: int) -> Level:
    logits, offsets = torch.tensor(logits), torch.tensor(offsets)
    return Level(logits[None], offsets[None], torch.ones(1, logits.shape[1], dtype=torch.bool), stride)


PLAIN = DetectConfig(vote=0.0, least=0.0, before=0.1, sigma=1e-6)


def test_places_and_distances_become_stretches_by_stride():
    low = level([[-9.0, 2.0, -9.0, -9.0]], [[0.0, 1.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0]], 1)
    high = level([[-9.0, 1.0]], [[0.0, 0.25], [0.0, 2.0]], 2)
    (found,) = detect([low, high], PLAIN)
    np.testing.assert_allclose(found.segments, [[0.0, 1.5], [1.5, 6.0]])
    np.testing.assert_allclose(found.scores, torch.tensor([2.0, 1.0]).sigmoid())


def test_what_is_padded_or_too_short_or_not_sure_is_not_detected():
    both = level([[3.0, 3.0, -9.0]], [[1.0, 0.0, 1.0], [1.0, 0.01, 1.0]], 1)
    (found,) = detect([both._replace(mask=torch.tensor([[False, True, True]]))], PLAIN)
    assert len(found.scores) == 0
    assert found.labels.dtype == np.int64


def test_classes_suppress_each_other_only_when_asked():
    both = level([[2.0, -9.0], [1.0, -9.0]], [[1.0, 0.0], [1.0, 0.0]], 1)
    assert len(detect([both], PLAIN)[0].scores) == 2
    together = DetectConfig(vote=0.0, least=0.001, before=0.1, sigma=0.01, by_class=False)
    assert detect([both], together)[0].labels.tolist() == [0]


def test_detections_without_a_class_take_the_videos_likeliest():
    found = Detections(np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([0.64, 0.16]), np.zeros(2, dtype=np.int64))
    named = name_by_video(found, np.array([0.04, 0.81, 0.15]), 2)
    np.testing.assert_allclose(named.scores, np.sqrt([0.81 * 0.64, 0.81 * 0.16, 0.15 * 0.64, 0.15 * 0.16]))
    assert named.labels.tolist() == [1, 1, 2, 2]
    np.testing.assert_allclose(named.segments[:2], found.segments)
    logits = name_by_video(found, np.array([1.0, 3.0, 2.0]), 1)  # no probabilities: a softmax comes first
    np.testing.assert_allclose(logits.scores[0] ** 2 / 0.64, np.exp(3) / np.exp([1, 2, 3]).sum())
