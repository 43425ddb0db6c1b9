"""What an experiment says of a mixture: its parts, their weights, and where a part differs from the whole."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.errors import UserError, hint


@dataclass(kw_only=True)
class PartConfig:
    """One dataset of a mixture.

    Attributes:
        weight: Share of the draws, over the sum of the weights of all parts of its kind (videos or images); 0 leaves
            the part out, which the manifest says.
        dataset: Row of the table of datasets; the part's own name by default.
        root: Its folder; null looks for it under `paths.data`, by the dataset's name, or by the part's for own videos.
        shards: Folder of tar shards to read its videos from.
        optional: Whether the part may be missing: it is then left out, and named. Otherwise that is an error.
        images: Whether its samples are single images, which come in batches of their own.
        stride: Frames between two frames of a dense clip, where it differs from the mixture's.
        sampling: Which frames, where it differs from the mixture's.
        options: Further options of the dataset, such as `captions_a_video: 8`.
        mini_sizes: Options of its miniature.
    """

    weight: float
    dataset: str | None = None
    root: Path | None = None
    shards: Path | None = None
    optional: bool = False
    images: bool = False
    stride: int | None = None
    sampling: Literal["dense", "pretrain", "segments", "intervals"] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    mini_sizes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: The weight is negative.
        """
        if self.weight < 0:
            raise UserError(f"weight={self.weight} must not be negative; 0 leaves the part out")


@dataclass(kw_only=True)
class MixtureConfig(ClipConfig):
    """Several datasets as clips; what is said here holds for all parts.

    Attributes:
        parts: The datasets, by name.
        tested: The part whose test list is tested on; the first by default.
        image_batch_size: Images a device and step, beside `batch_size` videos.
        epoch_size: Videos that an epoch draws, over all devices; null for as many as the parts have.
    """

    parts: dict[str, PartConfig]
    tested: str | None = None
    image_batch_size: int = 0
    epoch_size: int | None = None

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: No part has videos, there is no such part to test on, images and their batch do not agree, an
                epoch has no step, or what belongs to a part is said of the whole.
        """
        super().__post_init__()
        if self.epoch_size is not None and self.epoch_size < self.batch_size:
            raise UserError(
                f"data.epoch_size={self.epoch_size} must be at least data.batch_size={self.batch_size}, or null for all"
            )
        if not any(part.weight > 0 and not part.images for part in self.parts.values()):
            raise UserError("data.parts names no videos: give at least one part a weight above 0")
        drawn = [name for name, part in self.parts.items() if part.weight > 0]
        if self.tested is not None and self.tested not in drawn:
            raise UserError(f"data.tested={self.tested} is no part that is drawn from.{hint(self.tested, drawn)}")
        for key in ("root", "shards", "mini_sizes"):
            if getattr(self, key):
                raise UserError(f"data.{key} belongs to one part of a mixture: set data.parts.<part>.{key}")
        if any(part.weight > 0 and part.images for part in self.parts.values()) != (self.image_batch_size > 0):
            raise UserError(
                f"data.image_batch_size={self.image_batch_size} must be above 0 where a part has images: true, else 0"
            )

    def of_part(self, name: str, kind: type[ClipConfig]) -> ClipConfig:
        """How a part is read: as the mixture says, but for what the part says.

        Args:
            name: The part's.
            kind: The config of its dataset.

        Raises:
            UserError: Its dataset has no such option, or refuses the values.
        """
        part = self.parts[name]
        known = [item.name for item in fields(kind)]
        for option in part.options:
            if option not in known:
                raise UserError(f"data.parts.{name}.options: no option {option!r}.{hint(option, known)}")
        values: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(ClipConfig)}
        values |= {
            "name": part.dataset or name,
            "root": part.root,
            "mini_sizes": part.mini_sizes,
            "shards": part.shards,
        }
        if part.images:
            values |= {"num_frames": 1, "sampling": "segments", "test_views": 1, "batch_size": self.image_batch_size}
        values |= {key: value for key in ("stride", "sampling") if (value := getattr(part, key)) is not None}
        return kind(**(values | part.options))
