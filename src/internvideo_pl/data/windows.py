"""All windows of long videos, for features over time: neighbours that share frames are read together, a part at a time.

Shapes: T frames of a window, V windows of a part.
"""

from collections.abc import Sequence

import numpy as np

from internvideo_pl.data.batch import Clip, Sample
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig, EvaluationClips, unread
from internvideo_pl.data.sampling import TEST_SAMPLING
from internvideo_pl.video.faults import DecodeError


class WindowClips(EvaluationClips):
    """Every window of every sample, in order, in parts of up to `batch_size` windows; an item is a part.

    The clip's view is the number of its window: it begins `hop` frames after the one before. The frames of all videos
    are counted when this is made; a video that cannot be read is one item with its fault.

    Args:
        samples: The list.
        config: How windows are made (`num_frames`, `stride`, `hop`), and how many make a part (`batch_size`).
        cache: Videos kept in memory.
    """

    def __init__(self, samples: Sequence[Sample], config: ClipConfig, cache: FrameCache):
        super().__init__(samples, config, cache)
        part = max(config.batch_size // config.test_crops, 1)
        items = [(i, first) for i, count in enumerate(map(self._count, samples)) for first in range(0, count, part)]
        self.parts = np.array(items, dtype=np.int64).reshape(-1, 2)  # (items, 2): sample, first window
        self.windows_a_part = part

    @property
    def batch_size(self) -> int:
        """Parts a batch: a part is one."""
        return 1

    def __len__(self) -> int:
        """Number of parts."""
        return len(self.parts)

    def __getitem__(self, item: int) -> list[Clip]:
        """The windows of a part; one clip without a video on a fault."""
        index, first = self.parts[item].tolist()
        sample = self.samples[index]
        try:
            windows = self._windows(sample)[first : first + self.windows_a_part]
            return self.views(index, windows, first * self.config.test_crops)
        except DecodeError as error:
            return [unread(sample, index, error)]

    def _windows(self, sample: Sample) -> np.ndarray:
        return TEST_SAMPLING["windows"](self.config, self.footage(sample.path))

    def _count(self, sample: Sample) -> int:
        """Windows of a sample; 1 where it cannot be read, for its fault."""
        try:
            return len(self._windows(sample))
        except DecodeError:
            return 1
