"""What every video backbone takes and gives.

Shapes: B batch, T frames, H height, W width, N tokens, D width.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.video.transform import normalize, resize


class Features(NamedTuple):
    """A clip as a backbone sees it.

    Attributes:
        tokens: (B, N, D), in (t, h, w) order.
        pooled: (B, D), what a classifier reads.
        grid: Tokens along (time, height, width).
    """

    tokens: Tensor
    pooled: Tensor
    grid: tuple[int, int, int]


@dataclass(frozen=True)
class InputSpec:
    """The clip that a backbone wants.

    Attributes:
        num_frames: T.
        size: Height and width in pixels.
        mean: Per-channel mean of the pretraining images, for pixels in [0, 1].
        std: Their standard deviation.
    """

    num_frames: int
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def prepare(self, video: Tensor) -> Tensor:
        """Turns a batch of pixels, on whatever device, into the backbone's input.

        A longer clip gives every k-th frame (the middle ones of `num_frames` equal stretches); another size is
        resampled bilinearly with anti-aliasing.

        Args:
            video: uint8 (B, T, H, W, 3), RGB.

        Returns:
            float32 (B, 3, num_frames, size, size), normalised.

        Raises:
            UserError: The clip has too few frames, or is not square, or is not such a tensor.
        """
        self._check(video)
        if video.shape[2] != video.shape[3]:
            _, _, height, width, _ = video.shape
            raise UserError(f"a clip of {height} x {width} pixels is not square: crop it before it is resized.")
        return normalize(resize(self._thinned(video), self.size, self.size), self.mean, self.std)

    def prepare_full(self, video: Tensor) -> Tensor:
        """As `prepare`, with height and width as they are: float32 (B, 3, num_frames, H, W)."""
        self._check(video)
        return normalize(self._thinned(video), self.mean, self.std)

    def _thinned(self, video: Tensor) -> Tensor:
        return video if video.shape[1] == self.num_frames else video[:, self._middle_frames(video.shape[1])]

    def _middle_frames(self, available: int) -> list[int]:
        return [(2 * i + 1) * available // (2 * self.num_frames) for i in range(self.num_frames)]

    def _check(self, video: Tensor) -> None:
        if video.ndim != 5 or video.shape[-1] != 3 or video.dtype != torch.uint8:
            raise UserError(
                f"expected a batch of clips as uint8 (B, T, H, W, 3), got {video.dtype} {tuple(video.shape)}."
            )
        available = video.shape[1]
        if available < self.num_frames:
            raise UserError(
                f"a clip of {available} frames is too short for a backbone that reads {self.num_frames}: "
                f"sample at least {self.num_frames} frames."
            )


@dataclass(frozen=True)
class JointInput:
    """The clips that several backbones want from one and the same video.

    Attributes:
        parts: One spec a backbone.
    """

    parts: tuple[InputSpec, ...]

    @property
    def num_frames(self) -> int:
        """Frames of the most demanding backbone."""
        return max(part.num_frames for part in self.parts)

    @property
    def size(self) -> int:
        """Pixels of the most demanding backbone."""
        return max(part.size for part in self.parts)

    def prepare(self, video: Tensor) -> tuple[Tensor, ...]:
        """One input a backbone, as `InputSpec.prepare` makes it."""
        return tuple(part.prepare(video) for part in self.parts)


def check_clip(video: Tensor, spec: InputSpec) -> None:
    """Refuses a clip that a backbone was not built for.

    Args:
        video: Supposed to be (B, 3, num_frames, size, size).
        spec: What the backbone wants.

    Raises:
        UserError: Another number of frames, size or layout.
    """
    wanted = (3, spec.num_frames, spec.size, spec.size)
    if video.ndim != 5 or video.shape[1:] != wanted:
        raise UserError(
            f"this backbone reads clips of {spec.num_frames} frames of {spec.size} x {spec.size} pixels as "
            f"(B, 3, T, H, W), got {tuple(video.shape)}: build it for that clip or resample the clip to it."
        )
