"""All windows of long videos, video by video, for features over time.

Every process and each of its workers takes whole videos, so that a video's file is written by one; nothing is counted
or opened before its turn, and videos that are done already are never opened.
Shapes: T frames of a window, V windows of a video.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch.distributed as dist
from numpy.typing import NDArray
from torch.utils.data import IterableDataset, get_worker_info

from internvideo_pl.data.batch import Batch, Sample, collate
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig, EvaluationClips, unread
from internvideo_pl.data.sampling import Footage
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sample import sliding_windows


class WindowStream(IterableDataset[Batch]):
    """Batches of windows of one video each, in order of time.

    Every clip's annotation is {"windows": V, "second": middle of the window, "duration": seconds of the video}. A video
    that cannot be read gives an empty batch with its fault; what was already given of it is to be thrown away.

    Args:
        samples: The videos.
        config: How windows are made (`num_frames`, `stride`, `hop`), and how many make a batch (`batch_size`).
        cache: Videos kept in memory.
        fps: Frames a second to which videos are resampled first; None takes every frame.
        skip: Whether a video is done already, by its key.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        config: ClipConfig,
        cache: FrameCache,
        fps: float | None = None,
        skip: Callable[[str], bool] = lambda key: False,
    ) -> None:
        self.clips = EvaluationClips(samples, config, cache)
        self.config = config
        self.fps = fps
        self.skip = skip

    def __iter__(self) -> Iterator[Batch]:
        """Batches of this process's, or worker's, videos."""
        worker = get_worker_info()
        part, parts = (worker.id, worker.num_workers) if worker is not None else (0, 1)
        rank, world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        for index in range(rank * parts + part, len(self.clips), world * parts):
            if not self.skip(self.clips.samples[index].key):
                yield from self._video(index)

    def _video(self, index: int) -> Iterator[Batch]:
        sample = self.clips.samples[index]
        try:
            footage = self.clips.footage(sample.path)
            windows, middles, duration = timed_windows(footage, self.config, self.fps)
            for first in range(0, len(windows), self.config.batch_size):
                yield self._part(index, windows, middles, duration, first)
        except DecodeError as error:
            yield collate([unread(sample, index, error)])

    def _part(self, index: int, windows: np.ndarray, middles: np.ndarray, duration: float, first: int) -> Batch:
        part = slice(first, first + self.config.batch_size)
        batch = collate(self.clips.views(index, windows[part], first))
        batch.annotations = [
            {"windows": len(windows), "second": float(second), "duration": duration} for second in middles[part]
        ]
        return batch


def timed_windows(
    footage: Footage, config: ClipConfig, fps: float | None
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Which frames each window has, and when it is.

    Returns:
        int64 (V, T) frame numbers; float64 (V,) seconds of the middle of each window's stretch, which ends when the
        last of its frames gives way to the next; the video's duration in seconds.
    """
    times = footage.times()
    gap = float(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 1.0
    duration = float(times[-1]) + gap
    if fps is None:
        chosen, starts, gap = np.arange(len(times)), times, gap
    else:
        count = max(int(duration * fps + 1e-6), 1)
        starts = np.arange(count) / fps
        chosen = (np.searchsorted(times, starts + 1e-6, side="right") - 1).clip(min=0)  # the frame that is shown then
        gap = 1 / fps
    windows = sliding_windows(len(chosen), config.num_frames, config.hop, config.stride)
    first = config.hop * np.arange(len(windows))
    span = (config.num_frames - 1) * config.stride
    last = (first + span).clip(max=len(starts) - 1)
    beyond = first + span - last  # frames that a short video lacks
    middles = (starts[first] + starts[last] + (config.stride + beyond) * gap) / 2
    return chosen[windows], middles, duration
