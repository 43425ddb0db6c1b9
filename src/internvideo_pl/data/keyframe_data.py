"""The DataModule base of benchmarks of boxes on key frames.

Shapes: G official boxes and actions, F official key frames.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.keyframes import KeyframeClips, KeyframeConfig, KeyframeTrainingClips
from internvideo_pl.data.module import VideoData


class OfficialBoxes(NamedTuple):
    """The boxes that a test is judged by, one row a box and action.

    Attributes:
        frame: int64 (G,), number of the key frame in the official list.
        box: float64 (G, 4), x1, y1, x2, y2 as shares of width and height.
        label: int64 (G,), action id.
        num_frames: F, also those without a box.
        scored: The action ids that count.
    """

    frame: NDArray[np.int64]
    box: NDArray[np.float64]
    label: NDArray[np.int64]
    num_frames: int
    scored: tuple[int, ...]


class KeyframeData(VideoData):
    """Key frames with boxes; a sample of the test list notes its number there as `annotation["frame"]`.

    A sample's path is the stretch of the video around its key frame, so that faults are told of key frames.
    """

    config: KeyframeConfig

    @abstractmethod
    def official_boxes(self) -> OfficialBoxes:
        """Of the test list, whether the videos are on disk or not."""

    def parts(self) -> dict[str, NDArray[np.int64]]:
        """Numbers of the official key frames that are also scored by themselves, by name."""
        return {}

    @property
    def protocol(self) -> dict[str, str | int]:
        """What of the reading must agree for two numbers to be comparable."""
        return super().protocol | {"view": self.config.test_view, "detection_score": f"{self.config.detection_score:g}"}

    def training_clips(self, seed: int) -> KeyframeTrainingClips:
        """Clips around the training list's key frames, for draws in any order."""
        samples = self.split("train").samples
        flip = self.config.flip and self._flippable()
        clips = KeyframeTrainingClips(samples, self.config, self.cache, seed, flip)
        clips.hopeless = self.hopeless("train")
        return clips

    def evaluation_clips(self, samples: Sequence[Sample]) -> KeyframeClips:
        """Clips around the test list's key frames."""
        return KeyframeClips(samples, self.config, self.cache)
