"""Every backbone in a small size, with a loss over it: for what has to hold of all of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice, TowerChoice
from internvideo_pl.backbones.coordinate import CoordinateConfig, CoordinatedEncoder
from internvideo_pl.backbones.text_tower import TextTower
from internvideo_pl.heads.classify import Classifier, ClassifyHead, ClassifyHeadConfig
from internvideo_pl.heads.coordinated import CoordinatedClassifier
from internvideo_pl.objectives.align import Alignment, AlignmentConfig
from internvideo_pl.objectives.masked import MaskedModeling, MaskedModelingConfig

BATCH, CLASSES = 2, 5


@dataclass(frozen=True)
class Network:
    """A model with random weights, and its loss on a fixed batch."""

    model: nn.Module
    loss: Callable[[], Tensor]


def clip(frames: int) -> Tensor:
    return torch.randn(BATCH, 3, frames, 48, 48, generator=torch.Generator().manual_seed(1))


def sentences() -> Tensor:
    ids = torch.randint(1, 1000, (BATCH, 32), generator=torch.Generator().manual_seed(2))
    ids[:, -1] = 1023
    return ids


def pretraining(checkpointing: bool = False) -> Network:
    autoencoder = MaskedChoice(size="tiny", drop_path=0.3, checkpointing=checkpointing).build_autoencoder()
    model = MaskedModeling(autoencoder, MaskedModelingConfig())
    masks = model.sample(BATCH, "cpu", torch.Generator().manual_seed(3))
    video = clip(8)
    return Network(model, lambda: model(video, masks)["loss"])


def recognition(checkpointing: bool = False) -> Network:
    return _classifier(MaskedChoice(size="tiny", drop_path=0.3, checkpointing=checkpointing).build(), 8)


def tower(checkpointing: bool = False) -> Network:
    return _classifier(TowerChoice(size="tiny", drop_path=0.3, checkpointing=checkpointing).build(), 4)


def motion_tower(checkpointing: bool = False) -> Network:
    return _classifier(TowerChoice(size="tiny", motion=True, drop_path=0.3, checkpointing=checkpointing).build(), 8)


def alignment(checkpointing: bool = False) -> Network:
    model = Alignment(MultimodalChoice(size="tiny", checkpointing=checkpointing).build(), AlignmentConfig())
    video, ids = clip(4), sentences()
    return Network(model, lambda: model(video, ids)["loss"])


def text(checkpointing: bool = False) -> Network:
    config = replace(MultimodalChoice(size="tiny").config().text, checkpointing=checkpointing)
    model, ids = TextTower(config), sentences()
    return Network(model, lambda: model(ids).tokens.float().square().mean())


def coordination(checkpointing: bool = False) -> Network:
    masked = MaskedChoice(size="tiny", checkpointing=checkpointing).build()
    multimodal = TowerChoice(size="tiny").build()
    encoder = CoordinatedEncoder(masked, multimodal, CoordinateConfig(gate_scale=10.0))
    widths = encoder.class_dim, encoder.embed_dim
    heads = [ClassifyHead(width, CLASSES, ClassifyHeadConfig(init_scale=1.0)) for width in widths]
    model = CoordinatedClassifier(encoder, *heads, dropout=0.5)
    videos = (clip(8), clip(4))
    return Network(model, lambda: model(videos).float().square().mean())


def _classifier(backbone: nn.Module, frames: int) -> Network:
    model = Classifier(backbone, CLASSES, ClassifyHeadConfig(init_scale=1.0))
    video = clip(frames)
    return Network(model, lambda: model(video).float().square().mean())


NETWORKS = {
    build.__name__: build for build in (pretraining, recognition, tower, motion_tower, alignment, text, coordination)
}
"""Name to a function that builds it, with or without activation checkpointing."""


def awake(network: Network) -> Network:
    """All parameters moved off zero, so that every branch counts; in training mode."""
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in network.model.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    network.model.train()
    return network
