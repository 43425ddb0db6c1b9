"""TCANet: local and global context over time, boundaries that are likely, proposals between them, refined step by step.

Shapes: B batch, C width of the features, D width, T places, P proposals of a video, S samples of a region.
Source: Temporal Context Aggregation Network (arXiv 2103.13141). Proposals are paired from boundary probabilities as BSN
does (arXiv 1806.02964); the paper takes those of BMN, whose map of confidences the refinements stand in for here.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.backbones.temporal_layers import ChannelNorm, ConvNorm, MaskedConv
from internvideo_pl.errors import UserError

PEAK = 0.5  # of the highest probability: what is above is a boundary as well as every local peak (BSN)
NARROWEST = 1e-3  # places


@dataclass(kw_only=True)
class TcanetConfig:
    """Size of TCANet.

    Attributes:
        width: D.
        heads: Attention heads of a block; half of them see only near places.
        blocks: Of the encoder.
        window: Places that near heads see, odd.
        samples: S.
        proposals: P.
        thresholds: Least overlap with a true instance by which each refinement learns boundaries, rising.
    """

    width: int = 256
    heads: int = 8
    blocks: int = 2
    window: int = 9
    samples: int = 16
    proposals: int = 100
    thresholds: list[float] = field(default_factory=lambda: [0.5, 0.6, 0.7])

    def __post_init__(self) -> None:
        """Refuses values that cannot be.

        Raises:
            UserError: Heads cannot be halved or do not divide the width, the window is even, or a count is below 1.
        """
        if self.heads % 2 or self.width % self.heads or self.window % 2 == 0:
            raise UserError(f"tcanet: heads={self.heads} must be even and divide width={self.width}; window odd")
        if min(self.blocks, self.samples, self.proposals, len(self.thresholds)) < 1:
            raise UserError("tcanet: blocks, samples, proposals and thresholds must be at least 1")


class Refined(NamedTuple):
    """What one refinement says of its proposals.

    Attributes:
        before: (B, P, 2), start and end in places, as it got them.
        ends: (B, P, 2), how far start and end move by their own context, in lengths of the proposal.
        whole: (B, P, 2), how far the middle moves, in lengths, and the logarithm by which the length grows.
        sure: (B, P), logit of the overlap with a true instance.
    """

    before: Tensor
    ends: Tensor
    whole: Tensor
    sure: Tensor

    def after(self) -> Tensor:
        """(B, P, 2): the mean of both ways of moving."""
        start, end = self.before.unbind(-1)
        length = (end - start).clamp(min=NARROWEST)
        middle = 0.5 * (start + end) + self.whole[..., 0] * length
        half = 0.5 * length * self.whole[..., 1].clamp(-2, 2).exp()
        framed = torch.stack([start + self.ends[..., 0] * length, end + self.ends[..., 1] * length], dim=-1)
        moved = 0.5 * (framed + torch.stack([middle - half, middle + half], dim=-1))
        return torch.stack([moved[..., 0], torch.maximum(moved[..., 1], moved[..., 0] + NARROWEST)], dim=-1)


class Found(NamedTuple):
    """All that is predicted.

    Attributes:
        boundaries: (B, 2, T), logits of a start and of an end at each place.
        priors: (B, P), probability of both boundaries of each proposal; 0 for proposals that fill up the number.
        steps: One a refinement.
    """

    boundaries: Tensor
    priors: Tensor
    steps: list[Refined]


class ContextBlock(nn.Module):
    """A transformer block half of whose heads see near places only.

    Args:
        config: Sizes.
    """

    def __init__(self, config: TcanetConfig) -> None:
        super().__init__()
        self.heads, self.reach = config.heads, config.window // 2
        self.norm1, self.norm2 = ChannelNorm(config.width), ChannelNorm(config.width)
        self.qkv = nn.Conv1d(config.width, 3 * config.width, 1)
        self.proj = nn.Conv1d(config.width, config.width, 1)
        self.mlp = nn.Sequential(
            nn.Conv1d(config.width, 4 * config.width, 1), nn.GELU(), nn.Conv1d(4 * config.width, config.width, 1)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, D, T), (B, T) -> (B, D, T)."""
        there = mask[:, None].to(x.dtype)
        query, key, value = self.qkv(self.norm1(x)).unflatten(1, (3, self.heads, -1)).transpose(3, 4).unbind(1)
        place = torch.arange(x.shape[-1], device=x.device)
        near = (place[None] - place[:, None]).abs() <= self.reach
        seen = torch.stack([near] * (self.heads // 2) + [torch.ones_like(near)] * (self.heads // 2))  # (H, T, T)
        seen = (seen & mask[:, None, None, :]) | torch.eye(len(place), dtype=torch.bool, device=x.device)
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)  # (B, H, T, d)
        x = x + self.proj(out.transpose(2, 3).flatten(1, 2)) * there
        return x + self.mlp(self.norm2(x)) * there


class Refinement(nn.Module):
    """Moves proposals: each boundary by what is around it, the whole by what is in it.

    Args:
        config: Sizes.
    """

    def __init__(self, config: TcanetConfig) -> None:
        super().__init__()
        self.samples = config.samples
        flat = config.width * config.samples
        self.start, self.end, self.inside = (nn.Sequential(nn.Linear(flat, config.width), nn.ReLU()) for _ in range(3))
        self.ends = nn.ModuleList(nn.Linear(config.width, 1) for _ in range(2))
        self.whole = nn.Linear(3 * config.width, 3)
        for layer in (*self.ends, self.whole):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, proposals: Tensor) -> Refined:
        """(B, D, T), (B, P, 2) -> what becomes of the proposals."""
        start, end = proposals[..., :1], proposals[..., 1:]
        half = 0.5 * (end - start)
        first = self.start(self._region(x, start - half, start + half))  # (B, P, D)
        last = self.end(self._region(x, end - half, end + half))
        inside = self.inside(self._region(x, start, end))
        ends = torch.cat([self.ends[0](first), self.ends[1](last)], dim=-1)
        whole = self.whole(torch.cat([first, inside, last], dim=-1))
        return Refined(proposals, ends, whole[..., :2], whole[..., 2])

    def _region(self, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        """Features at S places from low to high (B, P, 1), by linear interpolation: (B, P, D * S)."""
        share = (torch.arange(self.samples, device=x.device) + 0.5) / self.samples
        places = (low + (high - low) * share).clamp(0, x.shape[-1] - 1)  # (B, P, S)
        left = places.floor().long().clamp(max=max(x.shape[-1] - 2, 0))
        right = (left + 1).clamp(max=x.shape[-1] - 1)
        weight = (places - left)[:, None]
        here, there = (_pick(x, index) for index in (left, right))  # (B, D, P, S)
        return (here * (1 - weight) + there * weight).transpose(1, 2).flatten(2)


class Tcanet(nn.Module):
    """Encoder, boundaries, proposals, refinements; finds actions without naming them.

    Args:
        width: C.
        config: Sizes.
    """

    num_classes = 1

    def __init__(self, width: int, config: TcanetConfig) -> None:
        super().__init__()
        self.width, self.config = width, config
        self.embed = ConvNorm(width, config.width)
        self.blocks = nn.ModuleList(ContextBlock(config) for _ in range(config.blocks))
        self.norm = ChannelNorm(config.width)
        self.boundary = nn.ModuleList([ConvNorm(config.width, config.width), MaskedConv(config.width, 2)])
        self.refine = nn.ModuleList(Refinement(config) for _ in config.thresholds)

    def forward(self, features: Tensor, mask: Tensor, taught: list[Tensor] | None = None) -> Found:
        """Everything of a batch.

        Args:
            features: float (B, C, T), zero where padded.
            mask: bool (B, T).
            taught: B tensors (n, 2): true instances, whose neighbourhood is proposed as well in training.
        """
        x = self.embed(features, mask)
        for block in self.blocks:
            x = block(x, mask)
        x = self.norm(x) * mask[:, None].to(x.dtype)
        logits = self.boundary[1](self.boundary[0](x, mask), mask)[0].float()
        chosen, priors = propose(logits.detach().sigmoid() * mask[:, None], self.config.proposals)
        if taught is not None:
            chosen = _jittered(chosen, taught)
        steps: list[Refined] = []
        for refinement in self.refine:
            steps.append(refinement(x.float(), chosen))
            chosen = steps[-1].after().detach()
        return Found(logits, priors, steps)


def propose(probability: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Stretches between likely starts and likely ends, the likeliest `count` of each video.

    Args:
        probability: (B, 2, T), of a start and of an end at each place; 0 where padded.
        count: P; where there are fewer, copies of [0, 1] with probability 0 fill up.

    Returns:
        (B, P, 2) in places, (B, P) probabilities.
    """
    before = F.pad(probability, (1, 0))[..., :-1]
    after = F.pad(probability, (0, 1))[..., 1:]
    highest = probability.amax(-1, keepdim=True)
    chosen = ((probability > before) & (probability > after)) | (probability > PEAK * highest)
    start, end = (probability * chosen).unbind(1)  # (B, T)
    pairs = torch.triu(start[:, :, None] * end[:, None, :], diagonal=1).flatten(1)  # (B, T * T), start before end
    best, which = pairs.topk(min(count, pairs.shape[1]), dim=1)
    places = probability.shape[-1]
    proposals = torch.stack([which // places, which % places], dim=-1).float()
    proposals = torch.where(best[..., None] > 0, proposals, proposals.new_tensor([0.0, 1.0]))
    short = count - best.shape[1]
    if short > 0:
        filled = proposals.new_tensor([0.0, 1.0]).expand(len(proposals), short, 2)
        proposals, best = torch.cat([proposals, filled], dim=1), F.pad(best, (0, short))
    return proposals, best


def _jittered(proposals: Tensor, taught: list[Tensor]) -> Tensor:
    """In place of the least likely half of the proposals, true instances with their ends moved at random."""
    proposals = proposals.clone()
    half = proposals.shape[1] // 2
    for row, instances in enumerate(taught):
        if not len(instances):
            continue
        which = torch.randint(len(instances), (half,), device=proposals.device)
        true = instances.to(proposals)[which]
        length = (true[:, 1:] - true[:, :1]).clamp(min=NARROWEST)
        moved = true + 0.25 * length * torch.randn_like(true)
        proposals[row, proposals.shape[1] - half :] = moved.sort(dim=-1).values
    return proposals


def _pick(x: Tensor, index: Tensor) -> Tensor:
    """Features (B, D, T) at places (B, P, S): (B, D, P, S)."""
    batch, width, _ = x.shape
    flat = index.flatten(1)[:, None].expand(batch, width, math.prod(index.shape[1:]))
    return x.gather(2, flat).unflatten(2, index.shape[1:])
