"""Augmentation of the supervised recipe: RandAugment and random erasing, the same draw for every frame of a clip.

RandAugment's operations are Pillow's, as in the recipe's own code, so that magnitudes mean what they meant there.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torch import Tensor

from internvideo_pl.video.transform import IMAGENET_MEAN, IMAGENET_STD

Picture = Image.Image
Operation = Callable[[Picture], Picture]

FILL = (128, 128, 128)  # what comes in from outside a moved picture
TOP_LEVEL = 10  # magnitudes count from 0 to here
# Strength at the top level (timm's RandAugment, "increasing" set, in which more is always stronger).
DEGREES, SHEAR, SHIFT, BLEND, BITS, ADDED = 30.0, 0.3, 0.45, 0.9, 4, 110


def _moved(*affine: float) -> Operation:
    """Takes pixel (x, y) from (ax + by + c, dx + ey + f)."""
    return lambda picture: picture.transform(
        picture.size, Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC, fillcolor=FILL
    )


def _shifted(right: float, down: float) -> Operation:
    """Moves the view by shares of the picture's width and height."""
    return lambda picture: _moved(1, 0, right * picture.width, 0, 1, down * picture.height)(picture)


def _brightened_darks(added: int) -> Operation:
    table = [min(255, value + added) if value < 128 else value for value in range(256)]
    return lambda picture: picture.point(table * 3)


def _sharpened(factor: float) -> Operation:
    return lambda picture: Image.blend(picture.filter(ImageFilter.SMOOTH), picture, factor)


# name -> (strength 0 to 1, sign -1 or 1) -> what it does to one frame
OPERATIONS: dict[str, Callable[[float, int], Operation]] = {
    "AutoContrast": lambda _, __: ImageOps.autocontrast,
    "Equalize": lambda _, __: ImageOps.equalize,
    "Invert": lambda _, __: ImageOps.invert,
    "Rotate": lambda s, sign: lambda p: p.rotate(sign * s * DEGREES, Image.Resampling.BICUBIC, fillcolor=FILL),
    "Posterize": lambda s, _: lambda p: ImageOps.posterize(p, BITS - int(s * BITS)),
    "Solarize": lambda s, _: lambda p: ImageOps.solarize(p, 256 - int(s * 256)),
    "SolarizeAdd": lambda s, _: _brightened_darks(int(s * ADDED)),
    "Color": lambda s, sign: lambda p: ImageEnhance.Color(p).enhance(1 + sign * s * BLEND),
    "Contrast": lambda s, sign: lambda p: ImageEnhance.Contrast(p).enhance(1 + sign * s * BLEND),
    "Brightness": lambda s, sign: lambda p: ImageEnhance.Brightness(p).enhance(1 + sign * s * BLEND),
    "Sharpness": lambda s, sign: _sharpened(1 + sign * s * BLEND),
    "ShearX": lambda s, sign: _moved(1, sign * s * SHEAR, 0, 0, 1, 0),
    "ShearY": lambda s, sign: _moved(1, 0, 0, sign * s * SHEAR, 1, 0),
    "TranslateX": lambda s, sign: _shifted(sign * s * SHIFT, 0),
    "TranslateY": lambda s, sign: _shifted(0, sign * s * SHIFT),
}


@dataclass(frozen=True)
class RandAugment:
    """RandAugment (arXiv 1909.13719) with noise on the magnitude; the defaults are `rand-m7-n4-mstd0.5-inc1`.

    Attributes:
        magnitude: mean strength, 0 to 10.
        num_ops: operations drawn for a clip, with replacement.
        magnitude_std: standard deviation of each one's strength.
        probability: of each drawn operation to be carried out.
    """

    magnitude: float = 7.0
    num_ops: int = 4
    magnitude_std: float = 0.5
    probability: float = 0.5

    def __call__(self, video: Tensor, generator: np.random.Generator) -> Tensor:
        """uint8 (T, H, W, 3) -> the same shape."""
        operations = self._draw(generator)
        if not operations:
            return video
        pictures = [Image.fromarray(frame) for frame in video.numpy()]
        for operation in operations:
            pictures = [operation(picture) for picture in pictures]
        return torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))

    def _draw(self, generator: np.random.Generator) -> list[Operation]:
        names = generator.choice(list(OPERATIONS), size=self.num_ops)
        levels = generator.normal(self.magnitude, self.magnitude_std, self.num_ops).clip(0, TOP_LEVEL)
        signs = generator.choice([-1, 1], size=self.num_ops)
        done = generator.random(self.num_ops) < self.probability
        drawn = zip(names.tolist(), (levels / TOP_LEVEL).tolist(), signs.tolist(), done.tolist(), strict=True)
        return [OPERATIONS[name](strength, sign) for name, strength, sign, chosen in drawn if chosen]


@dataclass(frozen=True)
class RandomErasing:
    """Noise over one box, at the same place in every frame (arXiv 1708.04896, "pixel" mode of the recipe).

    The recipe draws standard normal noise after normalisation; here the same noise is drawn in bytes.

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

    def __call__(self, video: Tensor, generator: np.random.Generator) -> Tensor:
        """uint8 (T, H, W, 3) -> the same shape."""
        if generator.random() >= self.probability:
            return video
        frames, height, width = video.shape[:3]
        for _ in range(self.attempts):
            pixels = generator.uniform(*self.area) * height * width
            ratio = math.exp(generator.uniform(*np.log(self.aspect)))
            box_height, box_width = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
            if box_height < height and box_width < width:
                top, left = generator.integers(height - box_height + 1), generator.integers(width - box_width + 1)
                noise = generator.standard_normal((frames, box_height, box_width, 3), dtype=np.float32)
                bytes_ = ((noise * IMAGENET_STD + IMAGENET_MEAN) * 255).round().clip(0, 255).astype(np.uint8)
                erased = video.clone()
                erased[:, top : top + box_height, left : left + box_width] = torch.from_numpy(bytes_)
                return erased
        return video
