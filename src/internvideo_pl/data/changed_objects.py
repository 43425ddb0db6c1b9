"""Three frames of a change, before, at and after it, with boxes of what changes: clips and their DataModule base."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from internvideo_pl.data.batch import Clip, Sample
from internvideo_pl.data.boxes import mirrored
from internvideo_pl.data.clips import ClipConfig, EvaluationClips, TrainingClips, unread
from internvideo_pl.data.location import whole_of
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.order import Draw
from internvideo_pl.errors import UserError
from internvideo_pl.video.deadline import limited
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import open_source
from internvideo_pl.video.transform import flip, resize

FRAMES = 3


@dataclass(kw_only=True)
class ChangeConfig(ClipConfig):
    """Three frames, each as a square of `size`; the only augmentation is `flip`."""

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: There are not three frames in one view, or pixels would move without their boxes.
        """
        super().__post_init__()
        if self.num_frames != FRAMES or self.test_views > 1 or self.test_crops > 1 or self.num_sample > 1:
            raise UserError(
                "a change has three frames and one view: set data.num_frames=3 and leave views and crops at 1"
            )
        if self.augment.active:
            raise UserError("data.augment moves pixels but not the boxes on them: use data.flip")

    @property
    def sampling_protocol(self) -> str:
        """What of the sampling must agree for two numbers to be comparable."""
        return "before, at and after the change"


class OfficialChanges(NamedTuple):
    """What a test is judged by.

    Attributes:
        image: int64 (G,), id of the image of each true box.
        box: float64 (G, 4), x, y, width, height in pixels.
        images: Ids of all images of the list, each once.
        size: int64 (I, 2), width and height of each.
        known: Whether the list has boxes.
        official_ids: Whether the ids of images are the challenge's; otherwise they are numbers from 1.
    """

    image: NDArray[np.int64]
    box: NDArray[np.float64]
    images: list[int]
    size: NDArray[np.int64]
    known: bool
    official_ids: bool


class ChangeData(VideoData):
    """A sample's annotation: "at" seconds of its frames, "boxes" of each as shares, "images" ids, "size" of each."""

    config: ChangeConfig

    @abstractmethod
    def official_changes(self) -> OfficialChanges:
        """Of the test list, whether its videos are on disk or not."""

    def training_clips(self, seed: int) -> "ChangeTrainingClips":
        """Changes of the training list, for draws in any order."""
        samples = self.split("train").samples
        clips = ChangeTrainingClips(samples, self.config, self.cache, seed, self.config.flip)
        clips.flip, clips.hopeless = self.config.flip, self.hopeless("train")
        return clips

    def evaluation_clips(self, samples: Sequence[Sample]) -> "ChangeClips":
        """Changes of the test list."""
        return ChangeClips(samples, self.config, self.cache)


class _Stills:
    config: ChangeConfig
    hopeless: Any
    frames: Any

    def stills(self, sample: Sample) -> Tensor:
        """uint8 (3, S, S, 3).

        Raises:
            DecodeError: The video cannot be read, or ends before the last frame.
        """
        if sample.path in self.hopeless:
            raise DecodeError(sample.path, self.hopeless[sample.path])
        path = whole_of(sample.path)
        try:
            with limited(path):
                times = open_source(path).times()
            at = np.asarray(sample.annotation["at"])
            if at.max() > times[-1] + 1 / 15:  # a copy may lack its last frame
                raise DecodeError(path, f"ends at {times[-1]:.2f} s, before the frame at {at.max():.2f} s")
            chosen = np.abs(times[:, None] - at).argmin(0)
            video = self.frames(path, chosen)
        except DecodeError as error:
            raise DecodeError(sample.path, error.reason) from error
        return resize(video, self.config.size, self.config.size)


class ChangeTrainingClips(_Stills, TrainingClips):
    """Training clips; a mirrored one has mirrored boxes."""

    config: ChangeConfig
    flip: bool = False

    def _read(self, sample: Sample, generator: np.random.Generator) -> tuple[Tensor, str]:
        return self.stills(sample), ""

    def _clips(self, video: Tensor, text: str, index: int, draw: Draw, faults: tuple[DecodeError, ...]) -> list[Clip]:
        boxes = self.samples[index].annotation["boxes"]
        generator = np.random.default_rng([self.seed, draw.epoch, draw.index, 1])
        if self.flip and generator.random() < 0.5:
            video = flip(video)
            boxes = [mirrored(np.asarray(each, dtype=np.float64).reshape(-1, 4)).tolist() for each in boxes]
        return [Clip(video, index, faults=faults, annotation={"boxes": boxes})]


class ChangeClips(_Stills, EvaluationClips):
    """Test clips with the sample's annotation."""

    config: ChangeConfig

    def __getitem__(self, index: int) -> list[Clip]:
        """The clip of an entry; one without a video on a fault."""
        sample = self.samples[index]
        try:
            return [replace(Clip(self.stills(sample), index), annotation=sample.annotation)]
        except DecodeError as error:
            return [unread(sample, index, error)]
