"""Boxes in three frames of a change: a video encoder, proposals of its tokens, a decoder that refines them.

DETR's decoder (transformers' classes, from a config alone) whose queries are the surest proposals of each frame, as in
the two-stage Deformable DETR (arXiv 2010.04159) and in DINO (arXiv 2203.03605).

Shapes: B clips, F = 3 frames, N tokens of a frame, Q proposals of a frame, D width, L layers.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.data.changed_objects import FRAMES

SIDE = 0.3  # of a proposal before it is learned, as a share of the frame
RARE = 0.01  # score of every box before it is learned: RetinaNet


@dataclass(kw_only=True)
class DetectHeadConfig:
    """The decoder.

    Attributes:
        width: D.
        heads: Of attention.
        layers: L.
        hidden: Width of the feed-forward layers.
        queries: Q; at most one a token.
        dropout: In the decoder.
    """

    width: int = 256
    heads: int = 8
    layers: int = 6
    hidden: int = 1024
    queries: int = 100
    dropout: float = 0.1


class ChangeDetector(nn.Module):
    """Each frame fills one tube of the encoder; the decoder sees the tokens of all three.

    Args:
        backbone: A masked encoder of 3 tubes.
        config: The decoder's.
    """

    def __init__(self, backbone: MaskedEncoder, config: DetectHeadConfig) -> None:
        super().__init__()
        from transformers import DetrConfig
        from transformers.models.detr.modeling_detr import DetrDecoder

        assert backbone.grid[0] == FRAMES
        self.backbone, self.config, width = backbone, config, config.width
        self.input = backbone.input
        self.project = nn.Sequential(nn.Linear(backbone.embed_dim, width), nn.LayerNorm(width))
        self.frame = nn.Parameter(torch.zeros(FRAMES, width))
        self.decoder = DetrDecoder(
            DetrConfig(
                d_model=width,
                decoder_layers=config.layers,
                decoder_attention_heads=config.heads,
                decoder_ffn_dim=config.hidden,
                dropout=config.dropout,
                auxiliary_loss=True,
            )
        )
        self.place = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, width))
        self.score = nn.ModuleList(_linear(width, 1, -math.log(1 / RARE - 1)) for _ in range(config.layers + 1))
        self.side = nn.ModuleList(_sides(width) for _ in range(config.layers + 1))
        nn.init.normal_(self.frame, std=0.02)

    def prepare(self, video: Tensor) -> Tensor:
        """Pixels (B, F, S, S, 3) as the encoder wants them: each frame as a tube of stills."""
        return self.input.prepare(video.repeat_interleave(self.backbone.config.tubelet_size, dim=1))

    def forward(self, clip: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Logits (B, F, Q) and boxes (B, F, Q, 4) as shares x1, y1, x2, y2: of all proposals, then of each layer."""
        tokens, (_, rows, columns) = self.project(self.backbone(clip).tokens), self.backbone.grid
        memory = tokens.unflatten(1, (FRAMES, -1))  # (B, F, N, D)
        anchor = _anchors(rows, columns, tokens)  # (N, 4) logits of middle and size
        logits, boxes = self.score[0](memory)[..., 0], anchor + self.side[0](memory)  # (B, F, N), (B, F, N, 4)
        many = min(self.config.queries, rows * columns)
        chosen = logits.detach().topk(many, dim=2).indices[..., None]  # (B, F, Q, 1)
        found = [(logits, corners(boxes.sigmoid()))]
        start = boxes.detach().take_along_dim(chosen, 2)  # (B, F, Q, 4)
        query = self.place(sines(start.sigmoid(), self.config.width)) + self.frame[:, None]
        key = self.place(sines(anchor.sigmoid(), self.config.width)) + self.frame[:, None]  # (F, N, D)
        states = self.decoder(
            inputs_embeds=memory.take_along_dim(chosen, 2).flatten(1, 2),
            encoder_hidden_states=tokens,
            spatial_position_embeddings=key.flatten(0, 1).expand(len(tokens), -1, -1),
            object_queries_position_embeddings=query.flatten(1, 2),
        ).intermediate_hidden_states
        for state, score, side in zip(states, self.score[1:], self.side[1:], strict=True):
            state = state.unflatten(1, (FRAMES, many))
            found.append((score(state)[..., 0], corners((start + side(state)).sigmoid())))
        return found


def corners(boxes: Tensor) -> Tensor:
    """Middle and size (..., 4) as x1, y1, x2, y2."""
    return torch.cat([boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], dim=-1)


def sines(boxes: Tensor, width: int) -> Tensor:
    """Sines and cosines of four shares (..., 4), `width` / 2 numbers each, (..., 2 * width)."""
    rate = 10_000 ** (torch.arange(width // 4, device=boxes.device) / (width // 4))
    angle = boxes[..., None] * 2 * math.pi * 10 / rate
    return torch.cat([angle.sin(), angle.cos()], dim=-1).flatten(-2)


def _anchors(rows: int, columns: int, like: Tensor) -> Tensor:
    y, x = ((torch.arange(n, device=like.device, dtype=like.dtype) + 0.5) / n for n in (rows, columns))
    place = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1).flatten(0, 1)
    return torch.cat([place, torch.full_like(place, SIDE)], dim=-1).logit()


def _linear(width: int, outputs: int, bias: float) -> nn.Linear:
    layer = nn.Linear(width, outputs)
    nn.init.constant_(layer.bias, bias)
    return layer


def _sides(width: int) -> Any:
    """Starts at no change, yet lets a gradient through."""
    last = nn.Linear(width, 4)
    nn.init.normal_(last.weight, std=1e-3)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), last)
