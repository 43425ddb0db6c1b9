"""Contenders around VideoMAE: ours and transformers' of the same size, with the same input, optimiser and precision.

Shapes: B batch, T frames, N tokens.
transformers runs as its own trainer would run it and no worse: scaled_dot_product_attention (its default), the fused
AdamW (its trainer's default), gradients set to None.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from internvideo_pl.backbones.compiled import compile_blocks
from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.masks import num_masked_cells
from internvideo_pl.backbones.sizes import MASKED_DECODER, MASKED_VIT
from internvideo_pl.bench.machine import device
from internvideo_pl.bench.step import inference, training
from internvideo_pl.bench.timing import Step
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.objectives.masked import MaskedModeling, MaskedModelingConfig

MASK_RATIO = 0.9  # InternVideo's pretraining scripts
CLASSES = 400  # Kinetics-400


def our_pretraining(size: str, decode_ratio: float = 1.0) -> MaskedModeling:
    """Our autoencoder with its loss, randomly initialised."""
    encoder = MaskedEncoder(replace(MASKED_VIT[size], pooling="tokens"))
    config = MaskedModelingConfig(mask_ratio=MASK_RATIO, decode_ratio=decode_ratio)
    return MaskedModeling(MaskedAutoencoder(encoder, MASKED_DECODER[size]), config)


def our_classifier(size: str) -> Classifier:
    """Our encoder with a linear classifier, randomly initialised."""
    return Classifier(MaskedEncoder(MASKED_VIT[size]), CLASSES, ClassifyHeadConfig())


def their_pretraining(size: str) -> Any:
    """transformers' VideoMAEForPreTraining of the same size, randomly initialised."""
    from transformers import VideoMAEForPreTraining

    return VideoMAEForPreTraining(their_config(size, pretraining=True))


def their_classifier(size: str) -> Any:
    """transformers' VideoMAEForVideoClassification of the same size, randomly initialised."""
    from transformers import VideoMAEForVideoClassification

    return VideoMAEForVideoClassification(their_config(size, pretraining=False))


def their_config(size: str, pretraining: bool) -> Any:
    """A row of our tables of sizes as transformers says it; pretraining has a last LayerNorm on every token."""
    from transformers import VideoMAEConfig

    make: Any = VideoMAEConfig  # its annotations leave out what all of its configurations take
    encoder, decoder = MASKED_VIT[size], MASKED_DECODER[size]
    return make(
        image_size=encoder.image_size,
        patch_size=encoder.patch_size,
        num_frames=encoder.num_frames,
        tubelet_size=encoder.tubelet_size,
        hidden_size=encoder.width,
        num_hidden_layers=encoder.depth,
        num_attention_heads=encoder.heads,
        intermediate_size=round(encoder.mlp_ratio * encoder.width),
        layer_norm_eps=1e-6,
        decoder_hidden_size=decoder.width,
        decoder_num_hidden_layers=decoder.depth,
        decoder_num_attention_heads=decoder.heads,
        decoder_intermediate_size=round(decoder.mlp_ratio * decoder.width),
        use_mean_pooling=not pretraining,
        num_labels=CLASSES,
    )


def pretrain_ours(size: str, batch: int, half: bool, decode_ratio: float = 1.0, compiled: bool = False) -> Step:
    """A training step of ours: masks drawn, target, forward, backward, AdamW."""
    objective = our_pretraining(size, decode_ratio).to(device()).train()
    if compiled:
        compile_blocks(objective)
    video = clips(size, batch)
    return training(objective, lambda: objective(video)["loss"], half)


def pretrain_theirs(size: str, batch: int, half: bool) -> Step:
    """The same step of transformers' model."""
    model = their_pretraining(size).to(device()).train()
    video = clips(size, batch).transpose(1, 2).contiguous()  # (B, T, 3, H, W)
    return training(model, lambda: model(video, tube_masks(size, batch)).loss, half)


def classify_ours(size: str, batch: int, half: bool, compiled: bool = False) -> Step:
    """Class scores of clips by ours."""
    model = our_classifier(size).to(device()).eval()
    if compiled:
        compile_blocks(model)
    video = clips(size, batch)
    return inference(lambda: model(video), half)


def classify_theirs(size: str, batch: int, half: bool) -> Step:
    """Class scores of the same clips by transformers' model."""
    model = their_classifier(size).to(device()).eval()
    video = clips(size, batch).transpose(1, 2).contiguous()  # (B, T, 3, H, W)
    return inference(lambda: model(video), half)


def clips(size: str, batch: int) -> Tensor:
    """Noise in the place of normalised clips, float32 (B, 3, T, H, W)."""
    config = MASKED_VIT[size]
    return torch.randn(batch, 3, config.num_frames, config.image_size, config.image_size, device=device())


def tube_masks(size: str, batch: int) -> Tensor:
    """Tube masks as transformers takes them: bool (B, N), True where a token is hidden."""
    grid = MASKED_VIT[size].grid
    order = torch.rand(batch, grid[1] * grid[2], device=device()).argsort(dim=1)
    hidden = torch.zeros_like(order, dtype=torch.bool)
    hidden.scatter_(1, order[:, : num_masked_cells(grid, MASK_RATIO)], True)
    return hidden.repeat(1, grid[0])  # (B, h * w) -> (B, t * h * w)
