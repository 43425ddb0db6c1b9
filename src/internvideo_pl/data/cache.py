"""Short videos kept decoded in memory, so that each is decoded once in a run."""

from pathlib import Path

from torch import Tensor

from internvideo_pl.video.decode import num_frames, read_frames


class FrameCache:
    """Whole videos as uint8 (N, H, W, 3), up to a budget of bytes; past it, videos are decoded at every read.

    Each loader worker holds a cache of its own: use it with `num_workers: 0`, or divide the budget.

    Args:
        gigabytes: Budget; 0 keeps nothing.
        short_side: The short side to which frames are scaled when they are decoded, in pixels.
    """

    def __init__(self, gigabytes: float, short_side: int):
        self.short_side = short_side
        self.bytes_left = int(gigabytes * 2**30)
        self.frames: dict[Path, Tensor] = {}

    def get(self, path: Path) -> Tensor:
        """All frames of a video, uint8 (N, H, W, 3).

        Raises:
            DecodeError: The video cannot be read.
        """
        if path in self.frames:
            return self.frames[path]
        frames = read_frames(path, range(num_frames(path)), self.short_side)
        if frames.nbytes <= self.bytes_left:
            self.frames[path] = frames
            self.bytes_left -= frames.nbytes
        return frames
