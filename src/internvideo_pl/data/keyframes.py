"""Clips around key frames with boxes in them: which frames, and what a crop or a mirrored clip does to the boxes.

Shapes: T frames, H height, W width, G boxes of a key frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from internvideo_pl.data.batch import Clip, Sample
from internvideo_pl.data.boxes import Boxes, clipped, cropped, grown, has_area, jittered, mirrored
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.clips import ClipConfig, EvaluationClips, TrainingClips, unread
from internvideo_pl.data.location import whole_of
from internvideo_pl.data.order import Draw
from internvideo_pl.data.sampling import PADDING_COLOR
from internvideo_pl.errors import UserError
from internvideo_pl.video.deadline import limited
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.hsv import HsvJitter
from internvideo_pl.video.sample import around
from internvideo_pl.video.sources import open_source
from internvideo_pl.video.transform import crop, flip, resize

PATCH = 16  # pixels to whose multiples a full frame is padded: the patches of every encoder of the paper but one
MOST_BOXES = 100  # of a training clip: InternVideo's release


@dataclass(kw_only=True)
class KeyframeConfig(ClipConfig):
    """How the surroundings of key frames become clips.

    Attributes:
        crop: Training: "random" (a square of `size` from anywhere) or "squeeze" (the whole frame as a square).
        test_view: "squeeze", or "full" (the whole frame at `short_side`, its shape kept, padded to whole patches; one
            key frame a step; for encoders that take any size).
        moment: Where in the clip the key frame is: in its "middle", or at its "end" (nothing after it is seen).
        frame_rate: Frames a second in which `stride` counts, whatever rate a video has.
        edges: What is shown beyond a video's ends: "repeat" (the frame at the end), or "stretch" (the side of the key
            frame that is too short is spread over its half of the clip).
        hue: Most degrees by which the colours of a training clip are turned.
        saturation: Largest change of a training clip's saturation, as a share.
        brightness: Largest change of a training clip's brightness, as a share.
        box_jitter: How far sides of training boxes move: outwards, inwards as shares of the width, then of the height.
        box_growth: How much wider and higher than the detector's the boxes are from which a test reads.
        detections: File of detected persons that is tested on; null for the dataset's usual place.
        detection_score: Least score of a detection.
        train_detections: File of detected persons of the training list, which are learned from as well; null for none.
        train_overlap: Least overlap with an official box, whose actions such a detection then has.
        skip_bad_rows: Whether rows of the lists that cannot be right are left out and reported, not refused.
    """

    crop: Literal["random", "squeeze"] = "random"  # type: ignore[assignment]
    test_view: Literal["squeeze", "full"] = "squeeze"
    moment: Literal["middle", "end"] = "middle"
    frame_rate: float = 25.0
    edges: Literal["repeat", "stretch"] = "repeat"
    hue: float = 0.0
    saturation: float = 0.0
    brightness: float = 0.0
    box_jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    box_growth: tuple[float, float] = (0.0, 0.0)
    detections: Path | None = None
    detection_score: float = 0.8
    train_detections: Path | None = None
    train_overlap: float = 0.75
    skip_bad_rows: bool = False

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: A value is out of range, or would move pixels without the boxes on them.
        """
        super().__post_init__()
        if self.frame_rate <= 0:
            raise UserError(f"data.frame_rate={self.frame_rate} must be above 0")
        if self.augment.active:
            raise UserError("data.augment moves pixels but not the boxes on them: use hue, saturation and brightness")
        if self.test_views > 1 or self.test_crops > 1:
            raise UserError("a key frame is tested with one view: set data.test_views=1 and data.test_crops=1")

    @property
    def sampling_protocol(self) -> str:
        """What of the sampling must agree for two numbers to be comparable."""
        place = "around" if self.moment == "middle" else "up to"
        return f"{place} the key frame, stride {self.stride} at {self.frame_rate:g} a second, {self.edges} at the ends"


class _Around:
    """Reads the frames around the key frame that a sample's annotation names: {"at": seconds, "rate": of pictures}."""

    config: KeyframeConfig
    hopeless: Any
    frames: Any

    def surroundings(self, sample: Sample) -> Tensor:
        """uint8 (T, H, W, 3), the short side scaled.

        Raises:
            DecodeError: The video cannot be read, or ends before the key frame; it names the sample's path.
        """
        path = whole_of(sample.path)
        if sample.path in self.hopeless:
            raise DecodeError(sample.path, self.hopeless[sample.path])
        try:
            times = self._times(path, sample.annotation.get("rate"))
            at, last = sample.annotation["at"], times[-1] + (times[-1] - times[0]) / max(len(times) - 1, 1)
            if at > last:
                raise DecodeError(path, f"ends at {last:.2f} s, before the key frame at {at:.2f} s")
            config = self.config
            stretch = config.edges == "stretch"
            clip = config.num_frames, config.stride, config.frame_rate
            return self.frames(path, around(times, at, *clip, stretch, last=config.moment == "end"))
        except DecodeError as error:
            raise DecodeError(sample.path, error.reason) from error

    @staticmethod
    def _times(path: str, rate: float | None) -> np.ndarray:
        with limited(path):
            source = open_source(path)
            return np.arange(source.num_frames()) / rate if rate else source.times()


class KeyframeTrainingClips(_Around, TrainingClips):
    """Training clips of key frames; a clip's annotation is {"boxes": G boxes, "actions": G lists of ids}."""

    config: KeyframeConfig

    def __init__(self, samples: Sequence[Sample], config: KeyframeConfig, cache: FrameCache, seed: int, flip: bool):
        super().__init__(samples, config, cache, seed, flip)
        self.flip = flip
        self.jitter = HsvJitter(config.hue, config.saturation, config.brightness)

    def _read(self, sample: Sample, generator: np.random.Generator) -> tuple[Tensor, str]:
        return self.surroundings(sample), ""

    def _clips(self, video: Tensor, text: str, index: int, draw: Draw, faults: tuple[DecodeError, ...]) -> list[Clip]:
        sample, clips = self.samples[index], []
        for view in range(self.config.num_sample):
            generator = np.random.default_rng([self.seed, draw.epoch, draw.index, view + 1])
            cut, annotation = self._view(video, sample.annotation, generator)
            seen = () if view else faults
            clips.append(Clip(cut, index, view, faults=seen, annotation=annotation))
        return clips

    def _view(self, video: Tensor, known: dict[str, Any], generator: np.random.Generator) -> tuple[Tensor, Any]:
        size, (height, width) = self.config.size, video.shape[1:3]
        boxes = clipped(jittered(_array(known["boxes"]), self.config.box_jitter, generator))
        if self.config.crop == "squeeze":
            video = resize(video, size, size)
        else:
            top, left = int(generator.integers(height - size + 1)), int(generator.integers(width - size + 1))
            window = left / width, top / height, (left + size) / width, (top + size) / height
            video, boxes = crop(video, top, left, size, size), clipped(cropped(boxes, window))
        if self.flip and generator.random() < 0.5:
            video, boxes = flip(video), mirrored(boxes)
        kept = np.flatnonzero(has_area(boxes))[:MOST_BOXES]
        actions = [known["actions"][i] for i in kept]
        return self.jitter(video, generator), {"boxes": boxes[kept].tolist(), "actions": actions}


class KeyframeClips(_Around, EvaluationClips):
    """Test clips of key frames.

    A clip's annotation is the sample's with "views", the boxes as shares of the clip that is read, which are grown and,
    in a full frame, lie beside its padding; "boxes" remain what the detector found.
    """

    config: KeyframeConfig

    def __init__(self, samples: Sequence[Sample], config: KeyframeConfig, cache: FrameCache):
        super().__init__(samples, config, cache)
        self.full = config.test_view == "full"
        if self.full:
            self.short_side = config.short_side

    @property
    def batch_size(self) -> int:
        """Key frames a batch: full frames differ in shape."""
        return 1 if self.full else self.config.batch_size

    def __getitem__(self, index: int) -> list[Clip]:
        """The clip of a key frame; one without a video on a fault."""
        sample = self.samples[index]
        try:
            video = self.surroundings(sample)
        except DecodeError as error:
            return [unread(sample, index, error)]
        boxes = clipped(grown(_array(sample.annotation["boxes"]), self.config.box_growth))
        if self.full:
            video, boxes = padded(video, boxes)
        else:
            video = resize(video, self.config.size, self.config.size)
        annotation = sample.annotation | {"views": boxes.tolist()}
        return [replace(Clip(video, index), annotation=annotation)]


def padded(video: Tensor, boxes: Boxes) -> tuple[Tensor, Boxes]:
    """A clip filled up to whole patches on the right and below, and the boxes as shares of it."""
    height, width = video.shape[1:3]
    down, right = -height % PATCH, -width % PATCH
    whole = torch.tensor(PADDING_COLOR, dtype=torch.uint8).expand(len(video), height + down, width + right, 3).clone()
    whole[:, :height, :width] = video
    scale = np.array([width / (width + right), height / (height + down)] * 2)
    return whole, boxes * scale


def _array(boxes: list[list[float]]) -> Boxes:
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
