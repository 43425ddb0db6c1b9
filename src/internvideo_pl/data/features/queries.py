"""Queries about long videos, with the features of those: averaged down to as many places as a head has.

Legend: N features of a video, T places, C width.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.data.features.batch import FeatureClip
from internvideo_pl.data.features.clips import FeatureClips, TrainingFeatures
from internvideo_pl.video.faults import DecodeError

NOTHING = torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)


def averaged(features: Tensor, seconds: NDArray[np.float64], most: int) -> tuple[Tensor, NDArray[np.float64]]:
    """Features (N, C) and their times, at most `most` of them: means over stretches as equal as whole numbers can be.

    Ego4D's baseline for VSLNet does so: place i is the mean from round(i N / T) to before round((i + 1) N / T), and the
    last feature of a longer row is in none.
    """
    count = len(features)
    if count <= most:
        return features, seconds
    edges = np.round(np.arange(most + 1) / most * count).astype(np.int64).clip(max=count - 1)
    stretches = [slice(first, max(last, first + 1)) for first, last in pairwise(edges)]
    means = torch.stack([features[stretch].mean(0) for stretch in stretches])
    return means, np.array([seconds[stretch].mean() for stretch in stretches])


class _Queries(FeatureClips):
    """Samples are queries: their path is the file of their video's features."""

    def whole(self, index: int) -> FeatureClip:
        """The features of a query's whole video; what it asks is in its annotation.

        Raises:
            DecodeError: They cannot be read.
        """
        sample = self.samples[index]
        found = self._read(sample)
        features, seconds = averaged(
            torch.from_numpy(found.features.astype(np.float32)), found.seconds, self.config.max_len
        )
        duration = sample.annotation["duration"] or found.duration or float(seconds[-1] + seconds[0])
        return FeatureClip(features, seconds, index, *NOTHING, duration, sample.annotation)


class QueryFeatures(_Queries):
    """Every query of a list; without features where they cannot be read."""


class TrainingQueries(_Queries, TrainingFeatures):
    """Queries of a draw, with whole videos."""

    def _cropped(self, clip: FeatureClip, rng: np.random.Generator, faults: tuple[DecodeError, ...]) -> FeatureClip:
        return replace(clip, faults=faults)
