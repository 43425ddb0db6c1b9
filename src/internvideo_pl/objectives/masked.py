"""The objective of masked video modelling: pixels in, one loss out.

Shapes: B batch, T frames, H height, W width, N tokens, P predicted tokens, K values of a tube.
Source: VideoMAE (arXiv 2203.12602), as InternVideo (arXiv 2212.03191), section 3.1, trains its masked encoder.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder
from internvideo_pl.backbones.masks import CELL, Masks, num_decoded_places, num_masked_cells, run_cells, sample_tubes
from internvideo_pl.backbones.tubes import RELEASE_FLOOR, tubes_of
from internvideo_pl.errors import UserError
from internvideo_pl.heads.reconstruct import Completion, complete
from internvideo_pl.losses.masked import normalized, reconstruction_loss


@dataclass(kw_only=True)
class MaskedModelingConfig:
    """What is hidden and what is predicted.

    Attributes:
        mask_ratio: Fraction of spatial cells hidden in every slot. InternVideo's scripts say 0.9, VideoMAE's code
            defaults to 0.75.
        norm_target: Whether each channel of each tube is normalised before it is predicted.
        variance_floor: Added to the standard deviation by which a tube is normalised; 1e-6 in the release. Smooth
            synthetic clips want more (0.1 on pixels in [0, 1]), or sensor noise becomes the target.
        decode_ratio: Fraction of all tokens that the decoder predicts, by VideoMAE V2's running cells: 0.25, 0.5, 0.75;
            1 (InternVideo) predicts every masked token.
    """

    mask_ratio: float = 0.9
    norm_target: bool = True
    variance_floor: float = RELEASE_FLOOR
    decode_ratio: float = 1.0

    def __post_init__(self) -> None:
        """Refuses values out of range.

        Raises:
            UserError: A negative floor, or a decode ratio outside (0, 1].
        """
        if self.variance_floor < 0:
            raise UserError(f"variance_floor={self.variance_floor} must not be negative.")
        if not 0 < self.decode_ratio <= 1:
            raise UserError(f"decode_ratio={self.decode_ratio} must be above 0 and at most 1.")


class MaskedModeling(nn.Module):
    """Hides tubes of a clip and scores the autoencoder's prediction of them.

    Args:
        model: The autoencoder.
        config: What is hidden and predicted.

    Raises:
        UserError: The mask ratio leaves nothing visible or nothing masked on the model's grid, or running cells do not
            fit it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: MaskedAutoencoder, config: MaskedModelingConfig) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.input = model.encoder.input
        slots, rows, columns = model.encoder.grid  # a ratio that would fail at the first step is refused now
        self.num_visible = slots * (rows * columns - num_masked_cells(model.encoder.grid, config.mask_ratio))
        if config.decode_ratio < 1:
            num_decoded_places(model.encoder.grid, config.decode_ratio)
        for name, values in (("mean", self.input.mean), ("std", self.input.std)):
            self.register_buffer(name, torch.tensor(values, device="cpu").view(1, 3, 1, 1, 1), persistent=False)

    def sample(self, batch: int, device: torch.device | str, generator: torch.Generator | None = None) -> Masks:
        """Draws the masks of a batch on its device; a generator must live there too."""
        grid = self.model.encoder.grid
        masks = sample_tubes(batch, grid, self.config.mask_ratio, device, generator)
        if self.config.decode_ratio == 1:
            return masks
        phase = torch.randint(CELL * CELL, (), device=device, generator=generator)
        return run_cells(masks, grid, self.config.decode_ratio, phase)

    def forward(self, video: Tensor, masks: Masks | None = None) -> dict[str, Tensor]:
        """Loss of a batch.

        Args:
            video: (B, 3, T, H, W), normalised as `input.prepare` does.
            masks: What to hide; drawn anew when None.

        Returns:
            {"loss": scalar}.
        """
        masks = self.sample(len(video), video.device) if masks is None else masks
        target = self.target(video, masks)
        prediction = self.model(video, masks)
        return {"loss": reconstruction_loss(prediction, target, masks.counted)}

    @torch.no_grad()
    def target(self, video: Tensor, masks: Masks) -> Tensor:
        """What is to be predicted, (B, P, K) in float32 at least, from the normalised clip (B, 3, T, H, W)."""
        config = self.model.encoder.config
        tubes = tubes_of(video, config.tubelet_size, config.patch_size, masks.predicted).unflatten(2, (-1, 3))
        tubes = tubes.float() if tubes.dtype.itemsize < 4 else tubes
        mean, std = self.mean.to(tubes).view(3), self.std.to(tubes).view(3)
        pixels = (tubes * std).add_(mean).flatten(2)  # (B, P, K/3, 3) -> (B, P, K)
        return normalized(pixels, self.config.variance_floor) if self.config.norm_target else pixels

    def reconstruct(self, video: Tensor, masks: Masks) -> Completion:
        """Pictures of the normalised clip (B, 3, T, H, W), of what the model sees of it and of what it makes of it."""
        return complete(self.model, video, masks, self.config.norm_target, self.config.variance_floor)
