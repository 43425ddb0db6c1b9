"""Answering questions about clips: one of K answers, one of a few options, or a count.

Shapes: B batch, L text length, K answers, O options.
Source: InternVideo's public release (question type "vtc_cap"): cross entropy over the vocabulary, questions whose
answer is not in it ignored. Options and counts are as TGIF-QA (arXiv 1704.04497) asks them, on the same fused feature.
"""

from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.heads.answer import AnswerHeadConfig, QuestionAnswerer
from internvideo_pl.losses.gather import total, world_size

OUTSIDE = -1  # label of an answer outside the vocabulary


@dataclass(kw_only=True)
class AnsweringConfig:
    """Answering questions.

    Attributes:
        head: The classifier.
    """

    head: AnswerHeadConfig = field(default_factory=AnswerHeadConfig)


class Answering(nn.Module):
    """A question answerer and its losses.

    Args:
        model: Encoder and head. What answering does not use is frozen, for DDP wants all that is trained to be used.
    """

    def __init__(self, model: QuestionAnswerer) -> None:
        super().__init__()
        self.model = model
        encoder = model.encoder
        assert encoder.caption_decoder is not None
        encoder.caption_decoder.predictor.requires_grad_(False)
        for unused in (encoder.visual_proj, encoder.text_projection, encoder.logit_scale):
            unused.requires_grad_(False)
        encoder.text.text_mask_embedding.requires_grad_(False)

    def forward(self, video: Tensor, ids: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Loss of open-ended questions.

        Args:
            video: (B, 3, T, size, size) normalised clips.
            ids: (B, L) int64 token ids of the questions.
            label: int64 (B,), -1 where the answer is outside the vocabulary.

        Returns:
            {"loss": mean cross entropy over all processes' questions that have an answer; 0 where none has}
        """
        summed = F.cross_entropy(self.model(video, ids), label, ignore_index=OUTSIDE, reduction="sum")
        known = total((label != OUTSIDE).sum()).clamp(min=1)
        return {"loss": summed * world_size() / known}

    def choose(self, video: Tensor, ids: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Loss of multiple choice: clips, options (B, O, L), the right ones (B,) -> {"loss": mean cross entropy}."""
        return {"loss": F.cross_entropy(self.model.options(video, ids), label)}

    def count(self, video: Tensor, ids: Tensor, count: Tensor) -> dict[str, Tensor]:
        """Loss of counting: clips, questions (B, L), counts (B,) -> {"loss": mean squared error}."""
        return {"loss": F.mse_loss(self.model(video, ids)[:, 0], count.float())}
