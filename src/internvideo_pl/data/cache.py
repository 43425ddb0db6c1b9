"""Short videos kept decoded in memory, so that each is decoded once in a process, whatever number of stages read it."""

from torch import Tensor

from internvideo_pl.video.sources import open_source


class FrameCache:
    """Whole videos as uint8 (N, H, W, 3), up to a budget of bytes; past it, videos are decoded at every read.

    Loader workers are processes: each fills a cache of its own, so use it with `num_workers: 0` or divide the budget.
    """

    def __init__(self) -> None:
        self.frames: dict[tuple[str, int], Tensor] = {}
        self.bytes = 0

    def get(self, path: str, short_side: int, budget: int) -> Tensor:
        """All frames of a video, uint8 (N, H, W, 3).

        Args:
            path: Where the video is, as `Sample.path`.
            short_side: The short side to which frames are scaled when they are decoded, in pixels.
            budget: Bytes that the whole cache may hold for this video to be kept.

        Raises:
            DecodeError: The video cannot be read.
        """
        key = (path, short_side)
        if key in self.frames:
            return self.frames[key]
        source = open_source(path)
        frames = source.frames(range(source.num_frames()), short_side)
        if self.bytes + frames.nbytes <= budget:
            self.frames[key] = frames
            self.bytes += frames.nbytes
        return frames
