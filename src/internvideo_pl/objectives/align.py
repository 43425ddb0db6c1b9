"""Alignment of video and language: contrastive matching and captioning, summed.

Shapes: B batch, T frames, L text length.
Source: InternVideo (arXiv 2212.03191, section 3.1); weights 1 and 1 as in its public release, which sums every loss.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.losses.caption import caption_labels, caption_loss
from internvideo_pl.losses.contrastive import contrastive_loss
from internvideo_pl.losses.gather import gather_with_gradient


@dataclass(kw_only=True)
class AlignmentConfig:
    """Weights of the losses.

    Attributes:
        contrastive_weight: Of the symmetric InfoNCE.
        caption_weight: Of the next-word loss; it is absent when the encoder has no caption decoder.
    """

    contrastive_weight: float = 1.0
    caption_weight: float = 1.0


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
        matching = contrastive_loss(
            gather_with_gradient(encoder.project_video(clip)),
            gather_with_gradient(encoder.project_text(sentence)),
            encoder.scale(),
        )
        losses = {"contrastive_loss": matching, "loss": self.config.contrastive_weight * matching}
        if encoder.caption_decoder is not None:
            logits = encoder.caption_decoder(clip.tokens, sentence.tokens[:, :-1])
            losses["caption_loss"] = caption_loss(logits, caption_labels(ids))
            losses["loss"] = losses["loss"] + self.config.caption_weight * losses["caption_loss"]
        return losses
