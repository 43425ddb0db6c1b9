"""Spatial transforms of a whole clip: one crop, one flip for all of its frames.

A clip is uint8 (T, H, W, 3) RGB and stays so until `normalize` runs on the device. Whatever is random is drawn from a
numpy Generator that the caller passes, so that a sample's augmentation is a function of its seed alone.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

# ImageNet statistics (masked video encoder) and CLIP's (multimodal encoder), of RGB in 0 to 1.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)

# (row, column) in quarters of the free room: corners, middle, middles of the sides, then the four quarter points.
PLACES = (
    *((0, 0), (0, 4), (4, 0), (4, 4), (2, 2)),
    *((2, 0), (2, 4), (4, 2), (0, 2)),
    *((1, 1), (1, 3), (3, 1), (3, 3)),
)
SNAP = 3  # sides this close to the output size are taken to be it, which saves a resize


@dataclass(frozen=True)
class CropScales:
    """The boxes that a multi-scale crop draws from.

    Attributes:
        ratios: Sides as shares of the short side.
        apart: How far apart in `ratios` the two sides of one box may stand; 0 for squares.
        places: How many of `PLACES` are used, from the first.
    """

    ratios: tuple[float, ...]
    apart: int
    places: int


PRETRAIN_SCALES = CropScales((1.0, 0.875, 0.75, 0.66), apart=1, places=13)  # VideoMAE's masked pretraining
SQUARE_SCALES = CropScales((1.0, 0.8), apart=0, places=5)  # MMAction's, as the release trains its open-set models

# Random resized crop of Inception training as fine-tuning uses it: share of the area, width to height, attempts.
AREA_RANGE, ASPECT_RANGE, CROP_ATTEMPTS = (0.08, 1.0), (0.75, 4 / 3), 10

ClipTransform = Callable[[Tensor, np.random.Generator], Tensor]


def short_side_size(height: int, width: int, short_side: int) -> tuple[int, int]:
    """(height, width) after scaling the shorter side to short_side; the longer is rounded down, as in the release."""
    if height <= width:
        return short_side, int(width * short_side / height)
    return int(height * short_side / width), short_side


def resize(video: Tensor, height: int, width: int) -> Tensor:
    """Resizes uint8 (..., H, W, 3), bilinear with antialiasing."""
    if video.shape[-3:-1] == (height, width):
        return video
    pictures = video.reshape(-1, *video.shape[-3:]).permute(0, 3, 1, 2)  # (..., H, W, 3) -> (N, 3, H, W), channels last
    if video.device.type != "cpu":  # only the CPU kernel takes bytes
        pictures = pictures.float()
    resized = F.interpolate(pictures, (height, width), mode="bilinear", antialias=True)
    if resized.is_floating_point():
        resized = resized.round_().clamp_(0, 255).to(torch.uint8)
    return resized.permute(0, 2, 3, 1).reshape(*video.shape[:-3], height, width, 3)


def resize_short(video: Tensor, short_side: int) -> Tensor:
    """Resizes uint8 (..., H, W, 3) so that the shorter side has short_side pixels, keeping the shape."""
    return resize(video, *short_side_size(video.shape[-3], video.shape[-2], short_side))


def crop(video: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """Cuts a box out of (..., H, W, 3)."""
    assert 0 <= top <= video.shape[-3] - height
    assert 0 <= left <= video.shape[-2] - width
    return video[..., top : top + height, left : left + width, :]


def center_crop(video: Tensor, size: int) -> Tensor:
    """The middle size x size square; the video must be at least that large."""
    height, width = video.shape[-3:-1]
    return crop(video, round((height - size) / 2), round((width - size) / 2), size, size)


def random_crop(video: Tensor, size: int, generator: np.random.Generator) -> Tensor:
    """A size x size square from anywhere."""
    height, width = video.shape[-3:-1]
    top, left = int(generator.integers(height - size + 1)), int(generator.integers(width - size + 1))
    return crop(video, top, left, size, size)


def multi_scale_crop(
    video: Tensor, size: int, generator: np.random.Generator, scales: CropScales = PRETRAIN_SCALES
) -> Tensor:
    """A crop of one of several scales at one of several fixed places, resized to size x size.

    Source: GroupMultiScaleCrop (TSN, arXiv 1608.00859).
    """
    height, width = video.shape[-3:-1]
    sides = [int(min(height, width) * ratio) for ratio in scales.ratios]
    if size <= min(height, width):
        sides = [size if abs(side - size) < SNAP else side for side in sides]
    pairs = [(h, w) for i, h in enumerate(sides) for j, w in enumerate(sides) if abs(i - j) <= scales.apart]
    crop_height, crop_width = pairs[generator.integers(len(pairs))]
    row, column = PLACES[generator.integers(scales.places)]
    top, left = row * ((height - crop_height) // 4), column * ((width - crop_width) // 4)
    return resize(crop(video, top, left, crop_height, crop_width), size, size)


def random_resized_crop(
    video: Tensor,
    size: int,
    generator: np.random.Generator,
    area: tuple[float, float] = AREA_RANGE,
    aspect: tuple[float, float] = ASPECT_RANGE,
) -> Tensor:
    """A crop of random area and aspect (log-uniform), resized to size x size.

    After ten boxes that do not fit, the largest middle box whose aspect is in range is taken.
    """
    height, width = video.shape[-3:-1]
    for _ in range(CROP_ATTEMPTS):
        pixels = height * width * generator.uniform(*area)
        ratio = math.exp(generator.uniform(math.log(aspect[0]), math.log(aspect[1])))
        box_height, box_width = round(math.sqrt(pixels / ratio)), round(math.sqrt(pixels * ratio))
        if 0 < box_height <= height and 0 < box_width <= width:
            top = int(generator.integers(height - box_height + 1))
            left = int(generator.integers(width - box_width + 1))
            return resize(crop(video, top, left, box_height, box_width), size, size)
    box_height, box_width = min(height, round(width / aspect[0])), min(width, round(height * aspect[1]))
    top, left = (height - box_height) // 2, (width - box_width) // 2
    return resize(crop(video, top, left, box_height, box_width), size, size)


def flip(video: Tensor) -> Tensor:
    """Mirrors (..., H, W, 3) left to right."""
    return video.flip(-2)


def mirror(video: Tensor, probability: float, generator: np.random.Generator) -> Tensor:
    """Mirrors (..., H, W, 3) with a probability; with none, nothing is drawn."""
    return flip(video) if probability and generator.random() < probability else video


def side_views(video: Tensor, size: int, num_views: int) -> Tensor:
    """Square crops along the longer side: view j starts at int(j * (long - size) / (num_views - 1)).

    A single view is the middle one.

    Args:
        video: uint8 (..., H, W, 3) whose shorter side has `size` pixels.
        size: pixels.
        num_views: crops; 3 in the paper's tests.

    Returns:
        uint8 (num_views, ..., size, size, 3)
    """
    height, width = video.shape[-3:-1]
    room = max(height, width) - size
    starts = [int(j * (room / (num_views - 1))) for j in range(num_views)] if num_views > 1 else [room // 2]
    tall = height > width
    return torch.stack([crop(video, s if tall else 0, 0 if tall else s, size, size) for s in starts])


def normalize(video: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Bytes to the model's input, on whatever device the video is.

    Args:
        video: uint8 (B, T, H, W, 3).
        mean: of R, G, B in 0 to 1.
        std: likewise.

    Returns:
        float32 (B, 3, T, H, W)
    """
    scale = 1 / (255 * torch.tensor(std, dtype=torch.float32, device=video.device))
    shift = -torch.tensor(mean, dtype=torch.float32, device=video.device) * 255 * scale
    planes = video.permute(0, 4, 1, 2, 3).contiguous().float()  # (B, T, H, W, 3) -> (B, 3, T, H, W)
    return planes.mul_(scale[:, None, None, None]).add_(shift[:, None, None, None])


@dataclass(frozen=True)
class MultiScaleTransform:
    """Multi-scale crop; no flip and no colour in masked pretraining (VideoMAE).

    Attributes:
        size: side of the output in pixels.
        scales: what boxes there are.
        flip: probability of mirroring.
    """

    size: int
    scales: CropScales = PRETRAIN_SCALES
    flip: float = 0.0

    def __call__(self, video: Tensor, generator: np.random.Generator) -> Tensor:
        """uint8 (T, H, W, 3) -> (T, size, size, 3)."""
        return mirror(multi_scale_crop(video, self.size, generator, self.scales), self.flip, generator)


@dataclass(frozen=True)
class TrainTransform:
    """Supervised training: random resized crop and flip; `augment.ClipAugment` does the rest, in batches.

    Attributes:
        size: side of the output in pixels.
        flip: probability of mirroring; 0 where a label tells left from right.
        area: range of the crop's share of the picture.
        aspect: range of the crop's width to height.
    """

    size: int
    flip: float = 0.5
    area: tuple[float, float] = AREA_RANGE
    aspect: tuple[float, float] = ASPECT_RANGE

    def __call__(self, video: Tensor, generator: np.random.Generator) -> Tensor:
        """uint8 (T, H, W, 3) -> (T, size, size, 3)."""
        return mirror(random_resized_crop(video, self.size, generator, self.area, self.aspect), self.flip, generator)


@dataclass(frozen=True)
class CenterTransform:
    """The middle square, perhaps mirrored.

    Attributes:
        size: side of the output in pixels, to which the shorter side is scaled.
        flip: probability of mirroring.
    """

    size: int
    flip: float = 0.0

    def __call__(self, video: Tensor, generator: np.random.Generator) -> Tensor:
        """uint8 (T, H, W, 3) -> (T, size, size, 3)."""
        return mirror(center_crop(resize_short(video, self.size), self.size), self.flip, generator)


@dataclass(frozen=True)
class EvalTransform:
    """Testing with one view: shorter side to short_side (default: size), middle square of `size`."""

    size: int
    short_side: int | None = None

    def __call__(self, video: Tensor) -> Tensor:
        """uint8 (..., H, W, 3) -> (..., size, size, 3)."""
        return center_crop(resize_short(video, self.short_side or self.size), self.size)


@dataclass(frozen=True)
class ViewsTransform:
    """Testing with several views: shorter side to size, then squares along the longer side."""

    size: int
    num_views: int = 3

    def __call__(self, video: Tensor) -> Tensor:
        """uint8 (..., H, W, 3) -> (num_views, ..., size, size, 3)."""
        return side_views(resize_short(video, self.size), self.size, self.num_views)
