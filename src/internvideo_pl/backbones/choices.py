"""What an experiment says of its backbone: a published size by name, and the few things that recipes change.

The tables of sizes hold the facts; a choice lays an experiment's changes over them and builds the module.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, cast

from internvideo_pl.backbones.coordinate import CoordinateConfig, CoordinatedEncoder
from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder
from internvideo_pl.backbones.masked_vit import MaskedEncoder, MaskedViTConfig
from internvideo_pl.backbones.multimodal import MultimodalConfig, MultimodalEncoder
from internvideo_pl.backbones.multimodal_sizes import MOTION_VIDEO_TOWER, MULTIMODAL, VIDEO_TOWER
from internvideo_pl.backbones.sizes import COORDINATED, MASKED_DECODER, MASKED_VIT
from internvideo_pl.backbones.video_tower import VideoTower, VideoTowerConfig
from internvideo_pl.errors import UserError

MaskedSize = Literal["tiny", "small", "base", "large", "huge", "giant"]
TowerSize = Literal["tiny", "base", "large", "large_336"]
CoordinatedSizeName = Literal["tiny", "tiny_t", "internvideo_d", "internvideo_t"]


def _changed(config: Any, choice: Any) -> Any:
    """`config` with every field that the choice shares with it and sets; `size` names the row of the table instead."""
    shared = {part.name for part in fields(config)} & {part.name for part in fields(choice)} - {"size"}
    values = {name: getattr(choice, name) for name in shared}
    return replace(config, **{name: value for name, value in values.items() if value is not None})


@dataclass(kw_only=True)
class MaskedChoice:
    """The masked encoder (VideoMAE's vision transformer); None leaves the size's own value.

    Attributes:
        size: Row of the table of sizes.
        num_frames: Frames of a clip; positions are interpolated.
        image_size: Height and width in pixels; positions are interpolated.
        drop_path: Stochastic depth.
        checkpointing: Whether blocks are recomputed in the backward pass to save memory.
        decoder_depth: Blocks of the decoder, which only pretraining has.
    """

    name: Literal["masked_vit"] = "masked_vit"
    size: MaskedSize
    num_frames: int | None = None
    image_size: int | None = None
    drop_path: float | None = None
    checkpointing: bool | None = None
    decoder_depth: int | None = None

    def config(self, pooling: str) -> MaskedViTConfig:
        """The size with the changes laid over it."""
        return replace(_changed(MASKED_VIT[self.size], self), pooling=pooling)

    def build(self) -> MaskedEncoder:
        """An encoder for classification: the mean of the tokens is normalised."""
        return MaskedEncoder(self.config("mean"))

    def build_autoencoder(self) -> MaskedAutoencoder:
        """An encoder for pretraining, with the size's decoder."""
        decoder = replace(MASKED_DECODER[self.size], checkpointing=bool(self.checkpointing))
        if self.decoder_depth is not None:
            decoder = replace(decoder, depth=self.decoder_depth)
        return MaskedAutoencoder(MaskedEncoder(self.config("tokens")), decoder)


@dataclass(kw_only=True)
class TowerChoice:
    """The multimodal encoder's video tower alone, UniFormerV2 for recognition; None leaves the size's own value.

    Attributes:
        size: Row of the table of sizes.
        motion: Whether local temporal mixers and strided frames are added, as UniFormerV2 does for Something-Something.
        num_frames: Frames of a clip.
        drop_path: Stochastic depth.
        global_dropout: Dropout inside the global blocks.
        checkpointing: Whether blocks are recomputed in the backward pass to save memory.
    """

    name: Literal["video_tower"] = "video_tower"
    size: TowerSize
    motion: bool = False
    num_frames: int | None = None
    drop_path: float | None = None
    global_dropout: float | None = None
    checkpointing: bool | None = None

    def config(self) -> VideoTowerConfig:
        """The size with the changes laid over it."""
        return _changed((MOTION_VIDEO_TOWER if self.motion else VIDEO_TOWER)[self.size], self)

    def build(self) -> VideoTower:
        """The tower, ready for a classifier on its pooled feature."""
        return VideoTower(self.config())


@dataclass(kw_only=True)
class MultimodalChoice:
    """Video tower, text tower and caption decoder; None leaves the size's own value.

    Attributes:
        size: Row of the table of sizes.
        num_frames: Frames of a clip.
        drop_path: Stochastic depth of the video tower.
        global_dropout: Dropout inside the video tower's global blocks.
        checkpointing: Whether blocks of all three parts are recomputed in the backward pass to save memory.
    """

    name: Literal["multimodal"] = "multimodal"
    size: Literal["tiny", "base", "large", "large_6", "large_336"]
    num_frames: int | None = None
    drop_path: float | None = None
    global_dropout: float | None = None
    checkpointing: bool | None = None

    def config(self) -> MultimodalConfig:
        """The size with the changes laid over its video tower; recomputation concerns all parts."""
        config = MULTIMODAL[self.size]
        recompute = bool(self.checkpointing)
        return replace(
            config,
            video=_changed(config.video, self),
            text=replace(config.text, checkpointing=recompute),
            caption=config.caption and replace(config.caption, checkpointing=recompute),
        )

    def build(self) -> MultimodalEncoder:
        """All three parts around one embedding space."""
        return MultimodalEncoder(self.config())


@dataclass(kw_only=True)
class CoordinatedChoice:
    """Both encoders, frozen, and the trainable attention between them: a published size, or encoders of one's own.

    Whatever is named beside a size stands in place of that part of it.

    Attributes:
        size: Row of the table of sizes: "internvideo_d" and "internvideo_t" are the paper's.
        masked: The masked encoder.
        multimodal: The multimodal encoder's video tower.
        coordinate: Where and how they meet.
        second: One more video tower, frozen as well, whose logits are added (InternVideo-T); None for none.
    """

    name: Literal["coordinated"] = "coordinated"
    size: CoordinatedSizeName | None = None
    masked: MaskedChoice | None = None
    multimodal: TowerChoice | None = None
    coordinate: CoordinateConfig | None = None
    second: TowerChoice | None = None

    def __post_init__(self) -> None:
        """Fills in what the size says.

        Raises:
            UserError: There is no size, and an encoder is not named either.
        """
        if self.size is not None:
            row = COORDINATED[self.size]
            self.masked = self.masked or MaskedChoice(size=cast(MaskedSize, row.masked))
            self.multimodal = self.multimodal or TowerChoice(size=cast(TowerSize, row.multimodal))
            self.coordinate = self.coordinate or row.coordinate
            if row.second is not None:
                self.second = self.second or TowerChoice(size=cast(TowerSize, row.second))
        self.coordinate = self.coordinate or CoordinateConfig()
        if self.masked is None or self.multimodal is None:
            raise UserError(
                "coordination joins two encoders: name a size, such as size=internvideo_d, or masked.size and "
                "multimodal.size."
            )

    def build(self, masked: MaskedEncoder, tower: VideoTower) -> CoordinatedEncoder:
        """Joins two encoders that hold their weights already; freezes them in place."""
        assert self.coordinate is not None
        return CoordinatedEncoder(masked, tower, self.coordinate)


@dataclass(kw_only=True)
class FrozenPairChoice:
    """Both encoders with the text tower, side by side and frozen: what an agent sees and hears with.

    Attributes:
        masked: The masked encoder.
        multimodal: The multimodal encoder.
    """

    name: Literal["frozen_pair"] = "frozen_pair"
    masked: MaskedChoice
    multimodal: MultimodalChoice


@dataclass(kw_only=True)
class EnsembleChoice:
    """Both encoders side by side, their logits summed: what coordination has to beat. Nothing is trained.

    Attributes:
        masked: The masked encoder.
        multimodal: The multimodal encoder's video tower.
    """

    name: Literal["ensemble"] = "ensemble"
    masked: MaskedChoice
    multimodal: TowerChoice
