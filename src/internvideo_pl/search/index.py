"""All windows of a folder in memory, and what of them fits a sentence best.

Shapes: N windows, V videos, E embedding width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from internvideo_pl.search.store import Embedded, Floats


@dataclass(frozen=True)
class Hit:
    """What was found.

    Attributes:
        video: Number of the video in the index.
        start: Where its best window begins, in seconds.
        end: Where it ends.
        score: Cosine of sentence and window.
    """

    video: int
    start: float
    end: float
    score: float


class Index:
    """Vectors of videos, a video's windows side by side.

    Args:
        videos: The windows of each video, at least one.
    """

    def __init__(self, videos: Sequence[Embedded]):
        assert all(len(video.vectors) for video in videos), "a video without a window"
        counts = [len(video.vectors) for video in videos]
        self.vectors: Floats = np.concatenate([video.vectors for video in videos])  # (N, E)
        self.times: Floats = np.concatenate([video.times for video in videos])  # (N, 2)
        self.first = np.cumsum([0, *counts[:-1]])  # (V,)
        self.count = np.array(counts)

    def __len__(self) -> int:
        """Number of windows N."""
        return len(self.vectors)

    def search(self, query: Floats, top: int) -> list[Hit]:
        """The videos whose best window fits best, the best first; equal ones in their order.

        Args:
            query: Unit vector (E,).
            top: How many videos.
        """
        scores = self.vectors @ query  # (N,)
        best = np.maximum.reduceat(scores, self.first)  # (V,)
        chosen = np.argsort(-best, kind="stable")[:top] if top >= len(best) else _largest(best, top)
        return [self._hit(int(video), scores) for video in chosen]

    def _hit(self, video: int, scores: Floats) -> Hit:
        first = self.first[video]
        window = int(first + scores[first : first + self.count[video]].argmax())
        start, end = self.times[window].tolist()
        return Hit(video, start, end, float(scores[window]))


def _largest(values: Floats, count: int) -> np.ndarray:
    """Positions of the largest values in order, without sorting all; equal ones by position."""
    least = np.partition(values, -count)[-count]
    candidates = np.flatnonzero(values >= least)
    return candidates[np.argsort(-values[candidates], kind="stable")][:count]
