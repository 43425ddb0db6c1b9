"""Contenders around CLIP: our towers without UniFormerV2's global blocks, and transformers' CLIPModel of the same size.

Shapes: B pairs of a frame and a sentence, L text length.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.compiled import compile_blocks
from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.backbones.multimodal_sizes import MULTIMODAL
from internvideo_pl.bench.machine import device
from internvideo_pl.bench.step import inference, training
from internvideo_pl.bench.timing import Step
from internvideo_pl.objectives.align import Alignment, AlignmentConfig


def our_towers(size: str) -> MultimodalEncoder:
    """Our towers as CLIP has them: no global blocks, no caption decoder; randomly initialised."""
    config = MULTIMODAL[size]
    return MultimodalEncoder(replace(config, video=replace(config.video, global_after=()), caption=None))


def their_towers(size: str) -> Any:
    """transformers' CLIPModel of the same size, randomly initialised."""
    from transformers import CLIPConfig, CLIPModel

    config = MULTIMODAL[size]
    return CLIPModel(
        CLIPConfig(
            text_config={
                "hidden_size": config.text.width,
                "intermediate_size": 4 * config.text.width,
                "num_hidden_layers": config.text.depth,
                "num_attention_heads": config.text.heads,
                "vocab_size": config.text.vocab_size,
                "max_position_embeddings": config.text.context_length,
                "bos_token_id": config.text.vocab_size - 2,
                "eos_token_id": config.text.vocab_size - 1,
            },
            vision_config={
                "hidden_size": config.video.width,
                "intermediate_size": 4 * config.video.width,
                "num_hidden_layers": config.video.depth,
                "num_attention_heads": config.video.heads,
                "image_size": config.video.size,
                "patch_size": config.video.patch,
            },
            projection_dim=config.embed_dim,
        )
    )


def align_ours(size: str, batch: int, half: bool, compiled: bool = False) -> Step:
    """A contrastive training step of ours on frames and sentences."""
    objective = Alignment(our_towers(size), AlignmentConfig()).to(device()).train()
    if compiled:
        compile_blocks(objective)
    video, ids = frames(size, batch)[:, :, None], sentences(size, batch)  # (B, 3, T = 1, H, W)
    return training(objective, lambda: objective(video, ids)["loss"], half)


def align_theirs(size: str, batch: int, half: bool) -> Step:
    """The same step of transformers' model."""
    model = their_towers(size).to(device()).train()
    images, ids = frames(size, batch), sentences(size, batch)
    return training(model, lambda: model(input_ids=ids, pixel_values=images, return_loss=True).loss, half)


def match_ours(size: str, batch: int, half: bool, compiled: bool = False) -> Step:
    """Similarities of frames and sentences by ours."""
    model: nn.Module = our_towers(size).to(device()).eval()
    if compiled:
        compile_blocks(model)
    video, ids = frames(size, batch)[:, :, None], sentences(size, batch)  # (B, 3, T = 1, H, W)
    return inference(lambda: model(video, ids), half)


def match_theirs(size: str, batch: int, half: bool) -> Step:
    """Similarities of the same by transformers' CLIPModel."""
    model = their_towers(size).to(device()).eval()
    images, ids = frames(size, batch), sentences(size, batch)
    return inference(lambda: model(input_ids=ids, pixel_values=images), half)


def frames(size: str, batch: int) -> Tensor:
    """Noise in the place of normalised frames, float32 (B, 3, H, W)."""
    side = MULTIMODAL[size].video.size
    return torch.randn(batch, 3, side, side, device=device())


def sentences(size: str, batch: int) -> Tensor:
    """Random words up to the end token in the last place, int64 (B, L)."""
    config = MULTIMODAL[size].text
    ids = torch.randint(1, config.vocab_size - 2, (batch, config.context_length), device=device())
    ids[:, -1] = config.vocab_size - 1
    return ids
