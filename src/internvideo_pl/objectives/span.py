"""Natural-language queries: the ends of a stretch, and where it lies.

Shapes: B batch, C feature width, T places, L words, W word width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from internvideo_pl.heads.span import SpanHead
from internvideo_pl.losses.span import ends_loss, highlight_loss


@dataclass(kw_only=True)
class SpanConfig:
    """Weights of the losses.

    Attributes:
        highlight_weight: Of the highlight beside the ends; 5 in Ego4D's baseline.
    """

    highlight_weight: float = 5.0


class Spans(nn.Module):
    """The losses of a head on queries.

    Args:
        model: Features and words to scores of places.
        config: Weights.
    """

    def __init__(self, model: SpanHead, config: SpanConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config

    def forward(
        self, features: Tensor, mask: Tensor, words: Tensor, word_mask: Tensor, span: Tensor
    ) -> dict[str, Tensor]:
        """{"loss", "ends", "highlight"} of a batch; `span` is int64 (B, 2), the rest as for `SpanHead`."""
        scores = self.model(features, mask, words, word_mask)
        ends = ends_loss(scores.start, scores.end, span)
        highlight = highlight_loss(scores.highlight, span, mask)
        return {"loss": ends + self.config.highlight_weight * highlight, "ends": ends, "highlight": highlight}


def nearest_span(window: tuple[float, float], length: int, duration: float) -> tuple[int, int]:
    """The first and last of `length` equal parts of a clip that overlap a window most.

    A window of no length, of which v1 has many, is its nearest part; Ego4D's baseline makes it the clip's first.

    Args:
        window: Start and end, seconds.
        length: Parts.
        duration: Of the clip, seconds.
    """
    edges = torch.arange(length + 1, dtype=torch.float64) * (duration / length)
    first, last = edges[:-1, None], edges[None, 1:]
    both = (last.clamp(max=window[1]) - first.clamp(min=window[0])).clamp(min=0)
    whole = last.clamp(min=window[1]) - first.clamp(max=window[0])
    share = both / whole.clamp(min=1e-12)
    if share.max() <= 0:
        part = min(max(int(0.5 * (window[0] + window[1]) / duration * length), 0), length - 1)
        return part, part
    best = int(share.argmax())
    return best // length, best % length
