"""Augmentation of training clips beside Pillow, which public recipes run on one frame after the other.

Shapes: T frames, H height, W width.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from internvideo_pl.bench import Options
from internvideo_pl.bench.report import Section, Value
from internvideo_pl.bench.timing import Contender, Step, race, speedup
from internvideo_pl.video.augment import AugmentConfig, ClipAugment
from internvideo_pl.video.rand_augment import parse_rand_augment
from internvideo_pl.video.transform import TrainTransform, resize

RECIPE = "rand-m7-n4-mstd0.5-inc1"
FRAMES, HEIGHT, WIDTH, SIZE = 16, 256, 341, 224  # a clip of the recipe, as Kinetics is usually kept, and its crop
CLIPS = 16  # in a step, with the same draws for every contender
GREY = (128, 128, 128)

Picture = Image.Image


def _moved(picture: Picture, *affine: float) -> Picture:
    return picture.transform(picture.size, Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC, fillcolor=GREY)


def _point(picture: Picture, value: Callable[[int], int]) -> Picture:
    return picture.point([value(i) for i in range(256)] * 3)


# What public code does with one frame and an amount; also the truth that tests hold `video.operations` against.
PILLOW: dict[str, Callable[[Picture, float], Picture]] = {
    "AutoContrast": lambda p, _: ImageOps.autocontrast(p),
    "Equalize": lambda p, _: ImageOps.equalize(p),
    "Invert": lambda p, _: ImageOps.invert(p),
    "Rotate": lambda p, amount: p.rotate(amount, Image.Resampling.BICUBIC, fillcolor=GREY),
    "Posterize": lambda p, bits: _point(p, lambda i: i & (256 - 2 ** (8 - int(bits)))),
    "Solarize": lambda p, amount: ImageOps.solarize(p, int(amount)),
    "SolarizeAdd": lambda p, amount: _point(p, lambda i: min(255, i + int(amount)) if i < 128 else i),
    "Color": lambda p, amount: ImageEnhance.Color(p).enhance(amount),
    "Contrast": lambda p, amount: ImageEnhance.Contrast(p).enhance(amount),
    "Brightness": lambda p, amount: ImageEnhance.Brightness(p).enhance(amount),
    "Sharpness": lambda p, amount: ImageEnhance.Sharpness(p).enhance(amount),
    "ShearX": lambda p, amount: _moved(p, 1, amount, 0, 0, 1, 0),
    "ShearY": lambda p, amount: _moved(p, 1, 0, 0, amount, 1, 0),
    "TranslateX": lambda p, amount: _moved(p, 1, 0, amount * p.width, 0, 1, 0),
    "TranslateY": lambda p, amount: _moved(p, 1, 0, 0, 0, 1, amount * p.height),
}


def run(options: Options) -> Iterator[Section]:
    """Yields one section: milliseconds a clip, crop and flip included."""
    ours, theirs = "ours, after the crop", "Pillow, after the crop"
    contenders = [
        Contender("Pillow, before the crop (VideoMAE)", lambda: _by_pillow(before=True)),
        Contender(theirs, lambda: _by_pillow(before=False)),
        Contender(ours, lambda: _ours("cpu")),
    ]
    if torch.cuda.is_available():
        contenders.append(Contender("ours, on the GPU", lambda: _ours("cuda")))
    timings = race(contenders, options.rounds)
    rows: list[dict[str, Value]] = [
        {
            "RandAugment": name,
            "ms a clip": round(1000 * timing.median / CLIPS, 2),
            "times Pillow's speed": round(speedup(timings, name, theirs), 2),
        }
        for name, timing in timings.items()
    ]
    notes = (
        f"Random resized crop to {SIZE} pixels, flip and {RECIPE} of clips of {FRAMES} frames of {WIDTH} x {HEIGHT}; "
        f"torch uses {torch.get_num_threads()} threads, Pillow one.",
    )
    yield Section("augmentation of training clips", rows, notes=notes)


def _clip() -> Tensor:
    """uint8 (T, H, W, 3): blotches, so that no operation has it easy."""
    coarse = np.random.default_rng(0).integers(0, 256, (FRAMES, HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    return resize(torch.from_numpy(coarse), HEIGHT, WIDTH)


def _by_pillow(before: bool) -> Step:
    clip, crop, draws = _clip(), TrainTransform(SIZE), parse_rand_augment(RECIPE)

    def augment(video: Tensor, key: int) -> Tensor:
        pictures = [Image.fromarray(frame) for frame in video.numpy()]
        for name, amount in draws.draw(np.random.default_rng(key)):
            pictures = [PILLOW[name](picture, amount) for picture in pictures]
        return torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures]))

    def step() -> None:
        for key in range(CLIPS):
            generator = np.random.default_rng(key)
            if before:
                crop(augment(clip, key), generator)
            else:
                augment(crop(clip, generator), key)

    return step


def _ours(device: str) -> Step:
    clip, crop, augment = _clip(), TrainTransform(SIZE), ClipAugment(AugmentConfig(rand_augment=RECIPE))

    def step() -> None:
        cropped = [crop(clip, np.random.default_rng(key)) for key in range(CLIPS)]
        augment(torch.stack(cropped).to(device), range(CLIPS))

    return step
