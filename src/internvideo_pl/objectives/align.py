"""Alignment of video and language: contrastive matching and captioning, summed.

Shapes: B batch, T frames, L text length.
Source: InternVideo (arXiv 2212.03191, section 3.1); weights 1 and 1 as in its public release, which sums every loss.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.errors import UserError
from internvideo_pl.losses.blocked import blocked_contrastive_loss
from internvideo_pl.losses.caption import caption_labels, caption_loss
from internvideo_pl.losses.contrastive import contrastive_loss, dual_softmax_loss
from internvideo_pl.losses.gather import gather_with_gradient


@dataclass(kw_only=True)
class AlignmentConfig:
    """Weights of the losses.

    Attributes:
        contrastive_weight: Of the symmetric InfoNCE.
        caption_weight: Of the next-word loss; it is absent when the encoder has no caption decoder.
        block: Rows of the matrix of similarities that a device holds at a time; null for all of it, which is a little
            faster where it fits. Loss and gradients are the same.
        dual_softmax: Whether the contrastive loss is the dual softmax loss (arXiv 2109.04290) in both directions, which
            wants the whole matrix. The release trains with InfoNCE and weighs by dual softmax in tests alone.
        train_text: Whether the text tower and its projection learn. The release's configs of contrastive pretraining,
            on WebVid-10M without captioning, leave them as CLIP's; of the paper's own run it is not known.
    """

    contrastive_weight: float = 1.0
    caption_weight: float = 1.0
    block: int | None = None
    dual_softmax: bool = False
    train_text: bool = True

    def __post_init__(self) -> None:
        """Refuses an impossible block.

        Raises:
            UserError: `block` is below 1, or there with dual softmax.
        """
        if self.block is not None and self.dual_softmax:
            raise UserError("objective.dual_softmax wants the whole matrix of similarities: set objective.block=null")
        if self.block is not None and self.block < 1:
            raise UserError(f"objective.block={self.block} must be at least 1, or null for the whole matrix")


class Alignment(nn.Module):
    """Paired clips and sentences to named losses.

    Args:
        encoder: The towers to train.
        config: Weights of the losses.
    """

    def __init__(self, encoder: MultimodalEncoder, config: AlignmentConfig) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = config
        encoder.text.text_mask_embedding.requires_grad_(False)  # nothing here reads it, and DDP wants all to be used
        if not config.train_text:
            encoder.text.requires_grad_(False)
            encoder.text_projection.requires_grad_(False)

    def forward(self, video: Tensor, ids: Tensor) -> dict[str, Tensor]:
        """Runs both towers once and compares all pairs of all processes.

        Args:
            video: (B, 3, T, size, size) normalised clips.
            ids: (B, L) int64 token ids of their sentences, padded after the end token.

        Returns:
            `loss` (their weighted sum), `contrastive_loss`, and `caption_loss` where there is a caption decoder.
        """
        encoder = self.encoder
        clip, sentence = encoder.visual(video), encoder.text(ids)
        matching = self._matching(encoder.project_video(clip), encoder.project_text(sentence))
        losses = {"contrastive_loss": matching, "loss": self.config.contrastive_weight * matching}
        if encoder.caption_decoder is not None:
            logits = encoder.caption_decoder(clip.tokens, sentence.tokens[:, :-1])
            losses["caption_loss"] = caption_loss(logits, caption_labels(ids))
            losses["loss"] = losses["loss"] + self.config.caption_weight * losses["caption_loss"]
        return losses

    def _matching(self, video: Tensor, text: Tensor) -> Tensor:
        """The contrastive loss over the pairs of all processes."""
        scale = self.encoder.scale()
        if self.config.block is not None:
            return blocked_contrastive_loss(video, text, scale, self.config.block)
        video, text = gather_with_gradient(video), gather_with_gradient(text)
        if self.config.dual_softmax:
            logits = scale * F.normalize(video, dim=-1) @ F.normalize(text, dim=-1).T
            return (dual_softmax_loss(logits) + dual_softmax_loss(logits.T)) / 2
        return contrastive_loss(video, text, scale)
