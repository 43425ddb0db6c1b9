"""Colour jitter in hue, saturation and value, the same for all frames of a clip.

Shapes: T frames, H height, W width. In OpenCV's words for bytes, in which the public recipes speak, hue goes round in
180 steps, and saturation and value go from 0 to 255.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class HsvJitter:
    """How far a clip's colours may be moved.

    Attributes:
        hue: Most degrees of 360, either way.
        saturation: Largest change, as a share of the whole range.
        value: The same for brightness.
    """

    hue: float = 0.0
    saturation: float = 0.0
    value: float = 0.0

    def __call__(self, video: Tensor, generator: np.random.Generator) -> Tensor:
        """uint8 (T, H, W, 3) -> the same, every pixel's hue, saturation and value moved by what is drawn once."""
        if not (self.hue or self.saturation or self.value):
            return video
        hue, saturation, value = (generator.uniform(-most, most) for most in (self.hue, self.saturation, self.value))
        return shifted(video, hue / 360, saturation, value)


def shifted(video: Tensor, hue: float, saturation: float, value: float) -> Tensor:
    """Moves hue (round a circle of length 1), saturation and value (cut off at 0 and 1) of uint8 (T, H, W, 3)."""
    pixels = video.float() / 255
    brightest, channel = pixels.max(-1)
    span = brightest - pixels.amin(-1)
    safe = span.clamp(min=1e-12)
    red, green, blue = pixels.unbind(-1)
    turns = torch.stack([(green - blue) / safe % 6, (blue - red) / safe + 2, (red - green) / safe + 4])
    angle = turns.gather(0, channel[None])[0] / 6  # hue, 0 to 1; of grey it does not matter
    full = (span / brightest.clamp(min=1e-12) + saturation).clamp(0, 1)
    full = torch.where(span > 0, full, 0.0)  # grey has no hue that more saturation could show
    bright = (brightest + value).clamp(0, 1)
    place = torch.tensor([5.0, 3.0, 1.0]) + 6 * (angle + hue)[..., None]  # of R, G and B on the circle of six parts
    fall = torch.minimum(place % 6, 4 - place % 6).clamp(0, 1)
    mixed = bright[..., None] * (1 - full[..., None] * fall)
    return (mixed * 255).round_().to(torch.uint8)
