"""Augmentation of batches of clips, on the device when there is one: colour, RandAugment, random erasing.

Every frame of a clip gets the same. What happens to a clip is drawn from its own key, so that it depends neither on the
clips beside it nor on the process or device that carries it out.

RandAugment comes after the crop here, as in timm, whose words describe it: clips of one size can be done in batches,
and there are fewer pixels. VideoMAE's and UniFormerV2's code runs it on whole frames before the crop.

Shapes: B batch, T frames, H height, W width.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor, nn

from internvideo_pl.errors import UserError
from internvideo_pl.video.erase import RandomErasing
from internvideo_pl.video.operations import OPERATIONS
from internvideo_pl.video.rand_augment import Step, parse_rand_augment


@dataclass(kw_only=True)
class AugmentConfig:
    """What is done to training clips after the crop.

    Attributes:
        rand_augment: RandAugment in timm's words, such as "rand-m7-n4-mstd0.5-inc1"; empty for none.
        color_jitter: Largest change of brightness, contrast and saturation, as a share. VideoMAE's and UniFormerV2's
            configs name one of 0.4, but their code leaves it out where RandAugment is on.
        erase: Probability that a box of the clip is erased.
    """

    rand_augment: str = ""
    color_jitter: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        """Refuses what cannot be.

        Raises:
            UserError: A share is not one, or the words for RandAugment make no sense.
        """
        for name in ("color_jitter", "erase"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"data.augment.{name}={getattr(self, name)} must be from 0 to 1")
        if self.rand_augment:
            parse_rand_augment(self.rand_augment)

    @property
    def active(self) -> bool:
        """Whether anything is done at all."""
        return bool(self.rand_augment or self.color_jitter or self.erase)


@dataclass(frozen=True)
class ColorJitter:
    """Brightness, contrast and saturation, each times a factor around 1, in random order.

    Attributes:
        share: factors are drawn from 1 - share to 1 + share.
    """

    share: float

    def draw(self, generator: np.random.Generator) -> list[Step]:
        """The steps for one clip, in order."""
        names = generator.permutation(["Brightness", "Contrast", "Color"]).tolist()
        return list(zip(names, generator.uniform(1 - self.share, 1 + self.share, size=3).tolist(), strict=True))


class ClipAugment(nn.Module):
    """Carries out a config's augmentation on a batch.

    Args:
        config: What is done.
    """

    def __init__(self, config: AugmentConfig) -> None:
        super().__init__()
        self.draws: list[Callable[[np.random.Generator], list[Step]]] = []
        if config.color_jitter:
            self.draws.append(ColorJitter(config.color_jitter).draw)
        if config.rand_augment:
            self.draws.append(parse_rand_augment(config.rand_augment).draw)
        self.erasing = RandomErasing(config.erase)

    @torch.no_grad()
    def forward(self, video: Tensor, keys: Sequence[int]) -> Tensor:
        """Augments each clip by its key.

        Args:
            video: uint8 (B, T, H, W, 3), left as it is.
            keys: B numbers, not negative.

        Returns:
            uint8 (B, T, H, W, 3)
        """
        generators = [np.random.default_rng(key) for key in keys]
        plans = [[step for draw in self.draws for step in draw(generator)] for generator in generators]
        video = video.clone()
        together = 1 if video.device.type == "cpu" else max(len(video), 1)  # a processor's caches hold about one clip
        for first in range(0, len(video), together):
            carry_out(plans[first : first + together], video[first : first + together])
        for clip, generator in zip(video, generators, strict=True):
            self.erasing.erase(clip, generator)
        return video


def carry_out(plans: Sequence[list[Step]], video: Tensor) -> None:
    """Takes a step of every clip's plan at a time, clips with the same operation together.

    Args:
        plans: B lists of steps.
        video: uint8 (B, T, H, W, 3), changed in place.
    """
    for steps in zip_longest(*plans):
        for name, amounts in _by_operation(steps).items():
            clips = _places(list(amounts))
            amount = torch.tensor(list(amounts.values()), dtype=torch.float64)
            video[clips] = OPERATIONS[name](video[clips], amount)


def _by_operation(steps: Iterable[Step | None]) -> dict[str, dict[int, float]]:
    """Operation -> clip's number in the batch -> amount; None stands for a clip that has no more steps."""
    found: dict[str, dict[int, float]] = {}
    for clip, step in enumerate(steps):
        if step is not None:
            name, amount = step
            found.setdefault(name, {})[clip] = amount
    return found


def _places(clips: list[int]) -> slice | list[int]:
    """An index of these clips; a slice where they are neighbours, which copies nothing."""
    neighbours = clips == list(range(clips[0], clips[-1] + 1))
    return slice(clips[0], clips[-1] + 1) if neighbours else clips
