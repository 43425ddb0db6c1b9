"""Pictures of what a masked autoencoder sees and of what it makes of it.

Shapes: B batch, T frames, H height, W width, N tokens, P predicted tokens, K values of a tube.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder
from internvideo_pl.backbones.masks import Masks
from internvideo_pl.backbones.tubes import gather_tokens, tube_statistics, tubes_of, video_of

GREY = 0.5  # of hidden tubes, halfway between black and white


class Completion(NamedTuple):
    """A clip before and after, float (B, 3, T, H, W) in [0, 1].

    Attributes:
        original: The clip.
        seen: The clip with every hidden tube grey: all that the encoder reads.
        completed: The clip with the predicted tubes in place of the hidden ones; a hidden tube that was not predicted
            (running cells) stays grey.
    """

    original: Tensor
    seen: Tensor
    completed: Tensor


@torch.no_grad()
def complete(
    model: MaskedAutoencoder, video: Tensor, masks: Masks, norm_target: bool, variance_floor: float
) -> Completion:
    """Fills in what is hidden of a clip.

    A prediction of normalised tubes is given the true mean and spread of its tube, which the model never predicts.

    Args:
        model: Encoder and decoder, in evaluation mode.
        video: (B, 3, T, H, W), normalised.
        masks: What is hidden and what is predicted.
        norm_target: Whether the model was trained to predict normalised tubes.
        variance_floor: Added to a tube's standard deviation when it was normalised in training.
    """
    config = model.encoder.config
    tubes = tubes_of(_pixels(model, video), config.tubelet_size, config.patch_size)  # (B, N, K)
    prediction = model(video, masks).to(tubes.dtype)  # (B, P, K)
    if norm_target:
        mean, spread = tube_statistics(gather_tokens(tubes, masks.predicted), variance_floor)
        prediction = (prediction.unflatten(2, (-1, 3)) * spread + mean).flatten(2)
    hidden = masks.hidden(tubes.shape[1])[..., None]  # (B, N, 1)
    seen = torch.where(hidden, torch.full_like(tubes, GREY), tubes)
    index = masks.predicted[..., None].expand_as(prediction)
    completed = torch.where(hidden, seen.scatter(1, index, prediction), tubes)
    sizes = config.grid, config.tubelet_size, config.patch_size
    return Completion(*(video_of(part, *sizes).clamp(0, 1) for part in (tubes, seen, completed)))


def _pixels(model: MaskedAutoencoder, video: Tensor) -> Tensor:
    """The normalised clip as pixels in [0, 1] again, in float32 at least."""
    video = video.float() if video.dtype.itemsize < 4 else video
    spec = model.encoder.input
    mean, std = (video.new_tensor(values)[:, None, None, None] for values in (spec.mean, spec.std))
    return video * std + mean
