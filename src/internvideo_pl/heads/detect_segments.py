"""From a detector's predictions to detected stretches.

Shapes: B batch, T_l places of level l, K classes, P detections of a video.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.heads.actionformer import Level
from internvideo_pl.heads.suppress import soft_nms, vote
from internvideo_pl.heads.tcanet import Found


@dataclass(kw_only=True)
class DetectConfig:
    """How predictions become detections.

    Attributes:
        before: Least score of a prediction.
        candidates: Predictions of a level that are looked at, the best ones.
        shortest: Least length, in places.
        sigma: Of soft suppression.
        least: Score below which suppressed detections are dropped.
        most: Detections of a video.
        vote: Least overlap of those that vote for a detection's boundaries; 0 for no vote.
        by_class: Whether classes suppress each other's detections not at all, or as if all were one.
    """

    before: float = 0.001
    candidates: int = 2000
    shortest: float = 0.05
    sigma: float = 0.5
    least: float = 0.001
    most: int = 200
    vote: float = 0.7
    by_class: bool = True


@dataclass(frozen=True)
class Detections:
    """The detections of a video, the surest first.

    Attributes:
        segments: float64 (P, 2), start and end; in places until somebody turns them into seconds.
        scores: float64 (P,).
        labels: int64 (P,).
    """

    segments: NDArray[np.float64]
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]


def detect(levels: Sequence[Level], config: DetectConfig) -> list[Detections]:
    """Detections of each video of a batch, in places of the lowest level."""
    return [_thinned(*_candidates(levels, row, config), config) for row in range(len(levels[0].logits))]


def detect_proposals(found: Found, config: DetectConfig) -> list[Detections]:
    """Detections of each video of a batch from refined proposals, in places, all of one class.

    A score is the overlap that the refinements predict, their mean, times the root of both boundaries' probability.
    """
    segments = found.steps[-1].after()  # (B, P, 2)
    sure = torch.stack([step.sure.sigmoid() for step in found.steps]).mean(0)
    scores = sure * found.priors.sqrt()  # (B, P)
    videos = []
    for row in range(len(scores)):
        kept = (scores[row] > config.before) & (segments[row, :, 1] - segments[row, :, 0] > config.shortest)
        labels = torch.zeros(int(kept.sum()), dtype=torch.int64)
        videos.append(_thinned(segments[row][kept], scores[row][kept], labels, config))
    return videos


def _candidates(levels: Sequence[Level], row: int, config: DetectConfig) -> tuple[Tensor, Tensor, Tensor]:
    """Segments (n, 2), scores (n,) and classes (n,) of one video before suppression."""
    found = []
    for level in levels:
        scores = (level.logits[row].float().sigmoid() * level.mask[row]).T  # (T_l, K)
        classes = scores.shape[1]
        flat = scores.flatten()
        above = flat > config.before
        best = flat.masked_fill(~above, -1.0).topk(min(config.candidates, int(above.sum()))).indices
        place, which = best // classes, best % classes
        start, end = level.offsets[row].float()[:, place] * level.stride  # (n,)
        centre = place.float() * level.stride
        segments = torch.stack([centre - start, centre + end], dim=-1)
        long = segments[:, 1] - segments[:, 0] > config.shortest
        found.append((segments[long], flat[best][long], which[long]))
    segments, scores, labels = (torch.cat(each) for each in zip(*found, strict=True))
    return segments, scores, labels


def _thinned(segments: Tensor, scores: Tensor, labels: Tensor, config: DetectConfig) -> Detections:
    """After suppression and voting."""
    spans, values = (each.detach().double().cpu().numpy() for each in (segments, scores))
    which = labels.cpu().numpy()
    groups = [which == label for label in np.unique(which)] if config.by_class else [np.ones(len(which), dtype=bool)]
    parts = []
    for mine in groups:
        if not mine.any():
            continue
        span, value, label = spans[mine], values[mine], which[mine]
        rows, kept = soft_nms(span, value, config.sigma, config.least, config.most)
        left = vote(span[rows], span, value, config.vote) if config.vote > 0 and len(rows) else span[rows]
        parts.append((left, kept, label[rows]))
    if not parts:
        return Detections(np.zeros((0, 2)), np.zeros(0), np.zeros(0, dtype=np.int64))
    spans, values, which = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.argsort(-values, kind="stable")[: config.most]
    return Detections(spans[order], values[order], which[order].astype(np.int64))


def name_by_video(found: Detections, scores: NDArray[np.float64], names: int) -> Detections:
    """Detections without a class take the likeliest classes of their video, each of them every class.

    A score becomes the geometric mean of the video's and the detection's, as ActionFormer fuses them. Video scores that
    are no probabilities go through a softmax first.

    Args:
        found: P detections.
        scores: (K,), of the whole video.
        names: How many of the likeliest classes.

    Returns:
        `names` times P detections.
    """
    if scores.max() > 1 or scores.min() < 0:
        scores = np.exp(scores - scores.max())
        scores = scores / scores.sum()
    best = np.argsort(-scores, kind="stable")[:names]
    fused = np.sqrt(scores[best][:, None] * found.scores[None]).ravel()
    order = np.argsort(-fused, kind="stable")
    spans = np.tile(found.segments, (len(best), 1))
    labels = np.repeat(best, len(found.scores))
    return Detections(spans[order], fused[order], labels[order].astype(np.int64))
