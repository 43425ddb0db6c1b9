"""A policy that reads an instruction, what it has seen and what it sees, and chooses where to go, or to stop.

A history-aware cross-modal transformer after HAMT (arXiv 2110.13309), as InternVideo's release uses it for VLN-CE:
tokens of the past and of the present attend to each other and to the words.

Shapes: B decisions, E episodes, L words, W width of the text tower, H past steps, V views and their waypoints,
F features of a view, D width.
"""

import math
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GEOMETRY = (
    4  # numbers of a direction: sine and cosine of the angle from the agent's heading, distance, whether it is open
)
MAX_STEPS = 32  # past steps that have a position of their own
STD = 0.02


@dataclass(kw_only=True)
class NavigateHeadConfig:
    """Size of the policy; HAMT's is 768 wide with 4 cross-modal layers.

    Attributes:
        width: D.
        depth: Cross-modal layers.
        heads: Attention heads.
        text_depth: Layers over the words alone.
        dropout: Rate inside the layers.
    """

    width: int = 768
    depth: int = 4
    heads: int = 12
    text_depth: int = 1
    dropout: float = 0.1


@dataclass(frozen=True)
class Decision:
    """What the policy knows when it decides, besides the instruction; masks are true where something is.

    Attributes:
        episode: int64 (B,), which of the E episodes of a batch it is about.
        views: float (B, V, F), features of the present views.
        directions: float (B, V, GEOMETRY), of their waypoints.
        open: bool (B, V), which waypoints can be chosen.
        past: float (B, H, F), features of the views that the agent walked into.
        past_directions: float (B, H, GEOMETRY), of those ways at the time.
        past_mask: bool (B, H).
    """

    episode: Tensor
    views: Tensor
    directions: Tensor
    open: Tensor
    past: Tensor
    past_directions: Tensor
    past_mask: Tensor

    def on(self, device: torch.device | str) -> "Decision":
        """The same on a device."""
        return Decision(**{item.name: getattr(self, item.name).to(device) for item in fields(self)})


def stack(decisions: list[Decision]) -> Decision:
    """Decisions end to end in one batch, pasts padded to the longest."""
    longest = max(decision.past.shape[1] for decision in decisions)

    def joined(name: str) -> Tensor:
        parts = [getattr(decision, name) for decision in decisions]
        if name.startswith("past"):
            pads = [(0, 0) * (part.ndim - 2) + (0, longest - part.shape[1]) for part in parts]
            parts = [F.pad(part, pad) for part, pad in zip(parts, pads, strict=True)]
        return torch.cat(parts)

    return Decision(**{item.name: joined(item.name) for item in fields(Decision)})


def direction(angle: float, distance: float, is_open: bool) -> list[float]:
    """The `GEOMETRY` numbers of a way that leads `angle` radians to the left of the agent's heading."""
    return [math.sin(angle), math.cos(angle), distance, float(is_open)]


class NavigateHead(nn.Module):
    """The trainable policy over frozen features.

    Args:
        text_width: W.
        features: F.
        config: Its size.
    """

    def __init__(self, text_width: int, features: int, config: NavigateHeadConfig) -> None:
        super().__init__()
        width = config.width
        options: dict[str, Any] = {
            "nhead": config.heads,
            "dim_feedforward": 4 * width,
            "dropout": config.dropout,
            "activation": "gelu",
            "batch_first": True,
            "norm_first": True,
        }
        self.word = nn.Sequential(nn.LayerNorm(text_width), nn.Linear(text_width, width))
        self.reader = nn.ModuleList(nn.TransformerEncoderLayer(width, **options) for _ in range(config.text_depth))
        # frozen features are mostly what all views share: standardised, as MAE's linear probing does (arXiv 2111.06377)
        self.standard = nn.BatchNorm1d(features, affine=False)
        self.view = nn.Linear(features, width)
        self.direction = nn.Linear(GEOMETRY, width)
        self.kind = nn.Parameter(torch.randn(3, width) * STD)  # the agent itself, the past, the present
        self.step = nn.Parameter(torch.randn(MAX_STEPS, width) * STD)
        self.layers = nn.ModuleList(nn.TransformerDecoderLayer(width, **options) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width)
        self.score = nn.Linear(width, 1)
        self.stop = nn.Linear(width, 1)

    def read(self, words: Tensor, word_mask: Tensor) -> Tensor:
        """Words (E, L, W) of the frozen text tower, with their mask (E, L) -> (E, L, D)."""
        x = self.word(words)
        for layer in self.reader:
            x = layer(x, src_key_padding_mask=~word_mask)
        return x

    def forward(self, decision: Decision, text: Tensor, text_mask: Tensor) -> Tensor:
        """Scores (B, V + 1): each waypoint's, minus infinity where it is blocked, then that of stopping.

        Args:
            decision: What is known.
            text: (E, L, D), what `read` made of the instructions.
            text_mask: bool (E, L).
        """
        text, unsaid = text[decision.episode], ~text_mask[decision.episode]
        views = self.standard(decision.views.flatten(0, 1)).view_as(decision.views)
        past = F.batch_norm(decision.past.flatten(0, 1), self.standard.running_mean, self.standard.running_var)
        past = self.view(past.view_as(decision.past)) + self.direction(decision.past_directions) + self.kind[1]
        steps = decision.past.shape[1]
        past = past + self.step[torch.arange(steps, device=past.device).clamp(max=MAX_STEPS - 1)]
        now = self.view(views) + self.direction(decision.directions) + self.kind[2]
        agent = self.kind[0].expand(len(now), 1, -1)
        x = torch.cat([agent, past, now], dim=1)  # (B, 1 + H + V, D)
        there = torch.ones_like(decision.open[:, :1])
        known = torch.cat([there, decision.past_mask, torch.ones_like(decision.open)], dim=1)
        for layer in self.layers:
            x = layer(x, text, tgt_key_padding_mask=~known, memory_key_padding_mask=unsaid)
        x = self.norm(x)
        ways = self.score(x[:, 1 + steps :]).squeeze(-1).masked_fill(~decision.open, float("-inf"))
        return torch.cat([ways, self.stop(x[:, 0])], dim=1)


class NavigationAgent(nn.Module):
    """Frozen encoders and the policy that reads them.

    Args:
        masked: The masked encoder; sees of each view the clip that leads to it.
        multimodal: The multimodal encoder; sees each view, and its text tower the instruction.
        depths: Numbers of the ranges that each view brings along.
        config: The policy's size.
    """

    def __init__(self, masked: Any, multimodal: Any, depths: int, config: NavigateHeadConfig) -> None:
        super().__init__()
        self.masked, self.multimodal = masked, multimodal
        for encoder in (masked, multimodal):
            encoder.requires_grad_(False)
        features = masked.embed_dim + multimodal.embed_dim + depths
        self.head = NavigateHead(multimodal.text.width, features, config)
        self.train()

    def train(self, mode: bool = True) -> "NavigationAgent":
        """Training concerns the policy; the encoders never drop anything."""
        super().train(mode)
        self.masked.eval()
        self.multimodal.eval()
        return self

    @torch.no_grad()
    def see(self, clips: Tensor) -> Tensor:
        """Clips uint8 (N, T, S, S, 3), the present view last -> features (N, F') of both encoders, unit variance each.

        Clips shorter than an encoder wants begin with their first picture held still.
        """
        parts = []
        for encoder, video in ((self.masked, clips), (self.multimodal, clips[:, -1:])):
            wanted = encoder.input.num_frames
            still = video[:, :1].expand(-1, max(wanted - video.shape[1], 0), -1, -1, -1)
            prepared = encoder.input.prepare(torch.cat([still, video], dim=1))
            seen = encoder(prepared).pooled if encoder is self.masked else encoder.encode_video(prepared)
            parts.append(F.layer_norm(seen.float(), seen.shape[-1:]))
        return torch.cat(parts, dim=-1)

    @torch.no_grad()
    def hear(self, ids: Tensor) -> Tensor:
        """Token ids (N, L) -> the text tower's features of every token (N, L, W)."""
        return self.multimodal.text(ids).tokens.float()
