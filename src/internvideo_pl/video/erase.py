"""Random erasing of a clip, on the device when there is one.

Shapes: T frames, H height, W width.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from internvideo_pl.video.transform import IMAGENET_MEAN, IMAGENET_STD

# Of ready noise, from which every erased frame takes a stretch at random: 3 MB, far more than a box holds.
NOISE_PIXELS = 2**20


@dataclass(frozen=True)
class Box:
    """A part of a frame: pixels from (top, left) on."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class RandomErasing:
    """Noise over one box, at the same place in every frame (arXiv 1708.04896, "pixel" mode of the recipe).

    The recipe draws standard normal noise after normalisation; here the same noise is in bytes, and so ends at black
    and white.

    Attributes:
        probability: of a clip to be erased.
        area: range of the box's share of the picture.
        aspect: range of its height to width, log-uniform.
        attempts: boxes drawn until one fits.
    """

    probability: float = 0.25
    area: tuple[float, float] = (0.02, 1 / 3)
    aspect: tuple[float, float] = (0.3, 1 / 0.3)
    attempts: int = 100

    def draw(self, height: int, width: int, generator: np.random.Generator) -> Box | None:
        """The box for one clip, if it is to be erased."""
        if generator.random() >= self.probability:
            return None
        for _ in range(self.attempts):
            pixels = generator.uniform(*self.area) * height * width
            ratio = math.exp(generator.uniform(*np.log(self.aspect)))
            box_height, box_width = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
            if box_height < height and box_width < width:
                top, left = generator.integers(height - box_height + 1), generator.integers(width - box_width + 1)
                return Box(int(top), int(left), box_height, box_width)
        return None

    def erase(self, clip: Tensor, generator: np.random.Generator) -> None:
        """Draws a box and fills it, in place.

        Args:
            clip: uint8 (T, H, W, 3).
            generator: source of the draw.
        """
        frames, height, width = clip.shape[:3]
        box = self.draw(height, width, generator)
        if box is None:
            return
        starts = torch.from_numpy(generator.integers(NOISE_PIXELS, size=(frames, 1))).to(clip.device)
        stretch = torch.arange(box.height * box.width, device=clip.device)
        noise = noise_pixels(clip.device)[(starts + stretch) % NOISE_PIXELS]  # (T, box pixels, 3)
        rows, columns = slice(box.top, box.top + box.height), slice(box.left, box.left + box.width)
        clip[:, rows, columns] = noise.view(frames, box.height, box.width, 3)


@lru_cache(maxsize=8)  # a device has one; the same bytes everywhere
def noise_pixels(device: torch.device) -> Tensor:
    """uint8 (NOISE_PIXELS, 3): standard normal noise of normalised pixels, as bytes."""
    noise = np.random.default_rng(0).standard_normal((NOISE_PIXELS, 3), dtype=np.float32)
    pixels = ((noise * IMAGENET_STD + IMAGENET_MEAN) * 255).round().clip(0, 255).astype(np.uint8)
    return torch.from_numpy(pixels).to(device)
