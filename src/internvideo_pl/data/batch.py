"""What a loader hands to a module: samples of a benchmark, collated.

Shapes: B batch, T frames, H height, W width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from internvideo_pl.video.faults import DecodeError


@dataclass(frozen=True)
class Sample:
    """One entry of an official list: where its video is and what is known of it.

    Attributes:
        path: The video file.
        key: The official id, unique within a split; reports use it.
        label: Class index, or -1 where the list has none.
        texts: Sentences that describe the video; empty where the list has none.
    """

    path: Path
    key: str
    label: int = -1
    texts: tuple[str, ...] = ()


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
    """

    video: Tensor | None
    index: int
    view: int = 0
    label: int = -1
    text: str = ""
    faults: tuple[DecodeError, ...] = ()


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
    """

    video: Tensor
    index: Tensor
    view: Tensor
    label: Tensor
    text: list[str] = field(default_factory=list)
    faults: list[DecodeError] = field(default_factory=list)

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
        return Batch(
            change(self.video), change(self.index), change(self.view), change(self.label), self.text, self.faults
        )


def collate(clips: Sequence[Clip]) -> Batch:
    """Stack the readable clips into a `Batch`, keeping the faults of all."""
    kept = [clip for clip in clips if clip.video is not None]
    videos = [clip.video for clip in kept if clip.video is not None]
    return Batch(
        video=torch.stack(videos) if videos else torch.empty(0, dtype=torch.uint8),
        index=torch.tensor([clip.index for clip in kept], dtype=torch.int64),
        view=torch.tensor([clip.view for clip in kept], dtype=torch.int64),
        label=torch.tensor([clip.label for clip in kept], dtype=torch.int64),
        text=[clip.text for clip in kept],
        faults=[fault for clip in clips for fault in clip.faults],
    )
