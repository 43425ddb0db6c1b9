"""A masked autoencoder as a person uses it: features of a clip, and clips completed from a tenth of their tubes.

Shapes: B videos, T frames, S side of a clip in pixels.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder
from internvideo_pl.backbones.masks import Masks, sample_tubes
from internvideo_pl.heads.reconstruct import complete
from internvideo_pl.models.config import Target
from internvideo_pl.models.model import BATCH, VideoModel
from internvideo_pl.models.reading import Videos


class Reconstruction(NamedTuple):
    """Clips as RGB frames, uint8 (B, T, S, S, 3) each.

    Attributes:
        original: What was read of the videos.
        masked: What the encoder sees; hidden tubes are grey.
        reconstructed: The visible tubes with the predicted ones.
    """

    original: Tensor
    masked: Tensor
    reconstructed: Tensor


class MaskedModel(VideoModel):
    """A masked autoencoder (VideoMAE). `encode_video` gives the mean of the encoder's tokens, nothing hidden."""

    network: MaskedAutoencoder

    def _pooled(self, clip: Tensor) -> Tensor:
        return self.network.encoder(clip).pooled

    def reconstruct(  # type: ignore[override]
        self, videos: Videos, *, mask_ratio: float | None = None, seed: int = 0, batch_size: int = BATCH
    ) -> Reconstruction:
        """Hides most of each video and lets the model fill it in.

        A model trained on normalised tubes predicts neither their mean nor their contrast: both are taken from the
        original.

        Args:
            videos: As for `encode_video`.
            mask_ratio: Fraction of the spatial cells that is hidden; None for what the model was trained with.
            seed: Of the masks; the same seed hides the same cells of the same videos.
            batch_size: Videos that pass through the model together.

        Raises:
            UserError: A video cannot be read, or the ratio hides nothing or everything.
        """
        target = self.config.target or Target()
        ratio = target.mask_ratio if mask_ratio is None else mask_ratio
        generator = torch.Generator().manual_seed(seed)

        def completed(clip: Tensor) -> Tensor:
            drawn = sample_tubes(len(clip), self.network.encoder.grid, ratio, "cpu", generator)  # alike on all devices
            masks = Masks(drawn.visible.to(clip.device), drawn.predicted.to(clip.device))
            parts = complete(self.network, clip, masks, target.norm_target, target.variance_floor)
            return torch.stack(parts, dim=1)  # (B, 3 pictures, 3, T, S, S)

        pictures = self._over(videos, batch_size, completed).permute(1, 0, 3, 4, 5, 2)  # (3, B, T, S, S, 3)
        return Reconstruction(*(pictures * 255).round().to(torch.uint8))
