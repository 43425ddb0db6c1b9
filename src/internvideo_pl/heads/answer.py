"""Open-ended question answering: a question about a clip to one of K frequent answers.

Shapes: B batch, L question length, D video width, W text width, F = D + 2 W feature width, K answers.
Source: InternVideo (arXiv 2212.03191) and its public release (question type "vtc_cap"). Number of answers
there: 1501 for MSR-VTT, 1001 for MSVD, 1541 for TGIF frames, one of them for "any other".
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.features import Features
from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.backbones.text_tower import end_positions
from internvideo_pl.errors import UserError


@dataclass(kw_only=True)
class AnswerHeadConfig:
    """The answer classifier.

    Attributes:
        dropout: Rate before both linear layers.
    """

    dropout: float = 0.5  # public release


class AnswerHead(nn.Module):
    """Dropout, Linear, LayerNorm, GELU, dropout, Linear.

    Args:
        width: F.
        num_answers: K.
        config: Dropout.
    """

    def __init__(self, width: int, num_answers: int, config: AnswerHeadConfig) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(width, 2 * width),
            nn.LayerNorm(2 * width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * width, num_answers),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) -> logits (B, K)."""
        return self.layers(features)


class QuestionAnswerer(nn.Module):
    """A multimodal encoder with its caption decoder, and an answer head on what they say together.

    Args:
        encoder: Towers and caption decoder; the projections to the shared space and the word predictor stay unused.
        num_answers: K.
        config: The head's.

    Raises:
        UserError: The encoder has no caption decoder.
    """

    def __init__(self, encoder: MultimodalEncoder, num_answers: int, config: AnswerHeadConfig) -> None:
        super().__init__()
        if encoder.caption_decoder is None:
            raise UserError("Question answering reads the caption decoder: give the multimodal encoder one (caption).")
        self.encoder = encoder
        self.input = encoder.input
        self.head = AnswerHead(encoder.config.video.width + 2 * encoder.config.text.width, num_answers, config)

    def features(self, video: Tensor, ids: Tensor) -> Tensor:
        """Clip (B, 3, T, size, size) and question (B, L) -> (B, F): decoder at the end token, clip, question.

        The decoder reads all L positions. The release leaves the last one out, as for captions, and so cannot find the
        end token of a question that fills the context.
        """
        return self.fuse(self.encoder.visual(video), ids)

    def fuse(self, clip: Features, ids: Tensor) -> Tensor:
        """The video tower's features of B clips and texts (B, L) -> (B, F)."""
        assert self.encoder.caption_decoder is not None
        question = self.encoder.text(ids)
        decoded = self.encoder.caption_decoder.features(clip.tokens, question.tokens)  # (B, L, W)
        at_end = decoded[torch.arange(len(ids), device=ids.device), end_positions(ids)]
        return torch.cat([at_end, self.encoder.visual_ln_post(clip.pooled), question.pooled], dim=-1)

    def forward(self, video: Tensor, ids: Tensor) -> Tensor:
        """Clip (B, 3, T, size, size) and question (B, L) -> logits (B, K)."""
        return self.head(self.features(video, ids))

    def options(self, video: Tensor, ids: Tensor) -> Tensor:
        """Clip (B, 3, T, size, size) and its options, each behind the question, (B, O, L) -> their scores (B, O).

        Each option is read by itself with the clip, and the head's first output is its score.
        """
        clip = self.encoder.visual(video)
        tokens, pooled = (part.repeat_interleave(ids.shape[1], 0) for part in (clip.tokens, clip.pooled))
        repeated = Features(tokens, pooled, clip.grid)
        return self.head(self.fuse(repeated, ids.flatten(0, 1)))[:, 0].unflatten(0, ids.shape[:2])
