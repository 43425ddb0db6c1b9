"""Every size by name: what `load` builds with fresh weights and the table of sizes lists."""

from dataclasses import replace
from typing import Any

from torch import nn

from internvideo_pl.backbones.multimodal import MultimodalConfig
from internvideo_pl.backbones.multimodal_sizes import MOTION_VIDEO_TOWER, MULTIMODAL, VIDEO_TOWER
from internvideo_pl.backbones.sizes import COORDINATED, MASKED_DECODER, MASKED_VIT, CoordinatedSize
from internvideo_pl.backbones.video_tower import VideoTowerConfig
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import ClassifyHeadConfig
from internvideo_pl.heads.coordinated import DROPOUT
from internvideo_pl.models.networks import (
    KINDS,
    AutoencoderConfig,
    CoordinatedConfig,
    InternVideoTConfig,
    MaskedClassifierConfig,
    TowerClassifierConfig,
)

TOWER_HEAD = ClassifyHeadConfig(dropout=0.5, init_scale=1.0, norm=True)  # UniFormerV2's public release
MASKED_HEAD = ClassifyHeadConfig()  # VideoMAE's

SIZES: dict[str, Any] = {
    **{
        f"masked_{size}": AutoencoderConfig(encoder=replace(config, pooling="tokens"), decoder=MASKED_DECODER[size])
        for size, config in MASKED_VIT.items()
    },
    **{f"video_tower_{size}": config for size, config in VIDEO_TOWER.items()},
    **{f"motion_tower_{size}": config for size, config in MOTION_VIDEO_TOWER.items()},
    **{f"multimodal_{size}": config for size, config in MULTIMODAL.items()},
    **{name if name.startswith("internvideo") else f"coordinated_{name}": size for name, size in COORDINATED.items()},
}
"""Name to the config of a network, or to a size of the coordination. With classes, a masked autoencoder becomes a
classifier on its encoder, and a video tower UniFormerV2."""


def sized_config(name: str, num_classes: int | None = None) -> Any:
    """The config of the network of a size.

    Args:
        name: A row of `SIZES`.
        num_classes: Classes of its classifier; None for no classifier.

    Raises:
        UserError: Coordinated encoders without classes, or a multimodal encoder with them.
    """
    config = SIZES[name]
    if isinstance(config, CoordinatedSize) and num_classes is None:
        raise UserError(f"{name} is made of classifiers: say of which classes, with classes=[...].")
    if isinstance(config, MultimodalConfig) and num_classes is not None:
        raise UserError(f"{name} has no classifier: name the classes in classify(videos, classes=[...]) instead.")
    if num_classes is None:
        return config
    if isinstance(config, AutoencoderConfig):
        encoder = replace(config.encoder, pooling="mean")
        return MaskedClassifierConfig(encoder=encoder, head=MASKED_HEAD, num_classes=num_classes)
    if isinstance(config, VideoTowerConfig):
        return TowerClassifierConfig(tower=config, head=TOWER_HEAD, num_classes=num_classes)
    return _coordinated(config, num_classes)


def sized_network(name: str, num_classes: int | None = None) -> nn.Module:
    """The network of a size with fresh weights; arguments and errors as `sized_config`."""
    config = sized_config(name, num_classes)
    return next(kind.build(config) for kind in KINDS.values() if kind.config is type(config))


def _coordinated(size: CoordinatedSize, num_classes: int) -> CoordinatedConfig | InternVideoTConfig:
    coordinated = CoordinatedConfig(
        masked=MASKED_VIT[size.masked],
        multimodal=VIDEO_TOWER[size.multimodal],
        coordinate=size.coordinate,
        masked_head=replace(MASKED_HEAD, dropout=DROPOUT),
        multimodal_head=replace(TOWER_HEAD, dropout=DROPOUT),
        num_classes=num_classes,
    )
    if size.second is None:
        return coordinated
    head = replace(TOWER_HEAD, dropout=DROPOUT)
    second = TowerClassifierConfig(tower=VIDEO_TOWER[size.second], head=head, num_classes=num_classes)
    return InternVideoTConfig(coordinated=coordinated, second=second)
