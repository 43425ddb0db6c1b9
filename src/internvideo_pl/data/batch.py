"""What a loader hands to a module: samples of a benchmark, collated.

Shapes: B batch, T frames, H height, W width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from internvideo_pl.video.faults import DecodeError


@dataclass(frozen=True)
class Sample:
    """One entry of an official list: where its video is and what is known of it.

    Attributes:
        path: Where the video is: a file, a folder of pictures, a member of a tar shard or a URL (`video.sources`).
        key: The official id, unique within a split; reports use it.
        label: Class index, or -1 where the list has none.
        texts: Sentences that describe the video; empty where the list has none.
        annotation: What else the list says of the entry, such as boxes, segments or a question: a plain JSON value
            (dict, list, str, number, bool), whose meaning is the dataset's; None where there is nothing.
    """

    path: str
    key: str
    label: int = -1
    texts: tuple[str, ...] = ()
    annotation: Any = None


@dataclass(frozen=True)
class Clip:
    """A decoded, cropped view of a sample.

    Attributes:
        video: uint8 (T, H, W, 3), RGB; None where the video could not be read (evaluation only).
        index: Position of the sample in its split.
        view: Number of the view within the sample.
        label: Class index, or -1.
        text: One sentence, or "".
        faults: Videos that failed while this clip was read; in training the clip is then a substitute.
        key: Seed of what is still drawn for this clip on the device, such as its augmentation; 0 in evaluation.
        annotation: The sample's, or what its dataset made of it for this clip.
    """

    video: Tensor | None
    index: int
    view: int = 0
    label: int = -1
    text: str = ""
    faults: tuple[DecodeError, ...] = ()
    key: int = 0
    annotation: Any = None


@dataclass
class Batch:
    """Clips stacked over B; pixels stay uint8 until they are on the device.

    Attributes:
        video: uint8 (B, T, H, W, 3), RGB.
        index: int64 (B,), positions in the split (views of one sample share theirs).
        view: int64 (B,), number of the view within its sample.
        label: int64 (B,), -1 where there is none.
        text: B sentences, empty strings where there are none.
        faults: Videos that failed while the batch was read.
        keys: B seeds of what is still drawn on the device; on the CPU always, since they seed generators there.
        annotations: B values, None where there is nothing; never moved to the device.
        images: The images that a step of a mixture has beside its videos, as clips of one frame; None for none.
    """

    video: Tensor
    index: Tensor
    view: Tensor
    label: Tensor
    text: list[str] = field(default_factory=list)
    faults: list[DecodeError] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    annotations: list[Any] = field(default_factory=list)
    images: "Batch | None" = None

    def __len__(self) -> int:
        """Number of clips B; zero when every clip of an evaluation batch failed."""
        return self.index.shape[0]

    def on(self, device: torch.device | str) -> "Batch":
        """The same batch on a device."""
        return self._with(lambda tensor: tensor.to(device))

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory, for asynchronous copies to a GPU."""
        return self._with(lambda tensor: tensor.pin_memory())

    def _with(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        return replace(
            self,
            video=change(self.video),
            index=change(self.index),
            view=change(self.view),
            label=change(self.label),
            images=self.images._with(change) if self.images is not None else None,
        )


def collate(reads: Sequence[Clip | Sequence[Clip]]) -> Batch:
    """Stack the readable clips into a `Batch`, keeping the faults of all; a read gives one clip or several.

    Where there are images among videos, which have more frames than one, they become the batch's `images`.
    """
    clips = [clip for read in reads for clip in ([read] if isinstance(read, Clip) else read)]
    kept = [clip for clip in clips if clip.video is not None]
    images = [clip for clip in kept if clip.video is not None and len(clip.video) == 1]
    if not 0 < len(images) < len(kept):
        return _stack(kept, clips)
    videos = [clip for clip in kept if clip.video is not None and len(clip.video) > 1]
    return replace(_stack(videos, clips), images=_stack(images, []))


def _stack(kept: Sequence[Clip], read: Sequence[Clip]) -> Batch:
    """A batch of clips that all have pictures, with the faults of all that were read."""
    videos = [clip.video for clip in kept if clip.video is not None]
    return Batch(
        video=torch.stack(videos) if videos else torch.empty(0, dtype=torch.uint8),
        index=torch.tensor([clip.index for clip in kept], dtype=torch.int64),
        view=torch.tensor([clip.view for clip in kept], dtype=torch.int64),
        label=torch.tensor([clip.label for clip in kept], dtype=torch.int64),
        text=[clip.text for clip in kept],
        faults=[fault for clip in read for fault in clip.faults],
        keys=[clip.key for clip in kept],
        annotations=[clip.annotation for clip in kept],
    )
