"""The multimodal encoder: video tower, text tower and caption decoder around one embedding space.

Shapes: B batch, T frames, D video width, L text length, W text width, E embedding width, V vocabulary.
Source: InternVideo (arXiv 2212.03191, section 3.1) and its public release.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from internvideo_pl.backbones.caption_decoder import CaptionDecoder, CaptionDecoderConfig, CaptionState
from internvideo_pl.backbones.features import Features, InputSpec
from internvideo_pl.backbones.text_tower import TextFeatures, TextTower, TextTowerConfig
from internvideo_pl.backbones.video_tower import VideoTower, VideoTowerConfig
from internvideo_pl.errors import UserError

INITIAL_TEMPERATURE = 0.07  # CLIP, section 2.5
LARGEST_LOG_SCALE = math.log(100)  # CLIP, section 2.5: logits are scaled by at most 100


@dataclass(kw_only=True)
class MultimodalConfig:
    """Sizes of the parts.

    Attributes:
        video: The video tower's.
        text: The text tower's.
        embed_dim: E, the width of the space in which clips and sentences are compared.
        caption: The caption decoder's, or None to go without.
    """

    video: VideoTowerConfig
    text: TextTowerConfig
    embed_dim: int
    caption: CaptionDecoderConfig | None = None


class MultimodalEncoder(nn.Module):
    """Clips and sentences to one space, and captions.

    Args:
        config: Sizes of the parts.

    Raises:
        UserError: The caption decoder's sizes do not fit the towers'.
    """

    def __init__(self, config: MultimodalConfig) -> None:
        super().__init__()
        self.config = config
        self.visual = VideoTower(config.video)
        self.visual_ln_post = nn.LayerNorm(config.video.width)
        self.visual_proj = nn.Parameter(config.video.width**-0.5 * torch.randn(config.video.width, config.embed_dim))
        self.text = TextTower(config.text)
        self.text_projection = nn.Parameter(config.text.width**-0.5 * torch.randn(config.text.width, config.embed_dim))
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / INITIAL_TEMPERATURE)))
        self.caption_decoder = None if config.caption is None else CaptionDecoder(_fitting(config.caption, config))

    @property
    def embed_dim(self) -> int:
        """E."""
        return self.config.embed_dim

    @property
    def blocks(self) -> nn.ModuleList:
        """The video tower's CLIP blocks, first to last."""
        return self.visual.blocks

    @property
    def input(self) -> InputSpec:
        """The clips that the video tower was made for."""
        return self.visual.input

    def encode_video(self, video: Tensor) -> Tensor:
        """Normalised clip (B, 3, T, size, size) -> its vector (B, E), of any length."""
        return self.project_video(self.visual(video))

    def encode_text(self, ids: Tensor, masked: Tensor | None = None) -> Tensor:
        """Token ids (B, L), with an optional bool mask of hidden words -> vectors (B, E), of any length."""
        return self.project_text(self.text(ids, masked))

    def project_video(self, features: Features) -> Tensor:
        """The video tower's features -> vectors (B, E)."""
        return self.visual_ln_post(features.pooled) @ self.visual_proj

    def project_text(self, features: TextFeatures) -> Tensor:
        """The text tower's features -> vectors (B, E)."""
        return features.pooled @ self.text_projection

    def scale(self) -> Tensor:
        """The factor on cosine similarities, exp(logit_scale), at most 100.

        The parameter itself is put back into its range first, as in the release, so that it keeps a gradient there.
        """
        with torch.no_grad():
            self.logit_scale.clamp_(0, LARGEST_LOG_SCALE)
        return self.logit_scale.exp()

    def similarity(self, video: Tensor, text: Tensor) -> Tensor:
        """Scaled cosine similarities (B, B') of video vectors (B, E) and text vectors (B', E)."""
        return self.scale() * F.normalize(video, dim=-1) @ F.normalize(text, dim=-1).T

    def next_word(self, ids: Tensor, state: CaptionState) -> Tensor:
        """Logits (B, V) of the word after the newest n words (B, n), which `state` then remembers.

        Start with `caption_decoder.start` and the start token; afterwards n is 1.
        """
        assert self.caption_decoder is not None
        logits = self.caption_decoder.step(self.text.step(ids, state.cache), state)
        state.cache.length += ids.shape[1]
        return logits

    def forward(self, video: Tensor, ids: Tensor) -> Tensor:
        """Similarities (B, B') of clips (B, 3, T, size, size) and sentences (B', L)."""
        return self.similarity(self.encode_video(video), self.encode_text(ids))


def _fitting(caption: CaptionDecoderConfig, config: MultimodalConfig) -> CaptionDecoderConfig:
    wanted = {
        "width": config.text.width,
        "vocab_size": config.text.vocab_size,
        "vision_width": config.video.width,
    }
    for name, value in wanted.items():
        if getattr(caption, name) != value:
            raise UserError(
                f"The caption decoder's {name} is {getattr(caption, name)} but its towers need {value}: "
                f"set {name} of the caption decoder to {value}."
            )
    return caption
