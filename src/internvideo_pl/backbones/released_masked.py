"""The masked encoder's parameters under the names of VideoMAE's and InternVideo's released checkpoints, both ways.

Pretraining checkpoints: `mask_token`, `encoder.*`, `decoder.*`, `encoder_to_decoder.weight` - exactly the names of
`MaskedAutoencoder`. Fine-tuned checkpoints: `patch_embed.*`, `blocks.*`, `fc_norm.*` (or `norm.*`) and `head.*`
without a prefix - the names of a classifier's `backbone.*` and `head.*`.
Source: VideoMAE's public model files and its checkpoint loader.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from internvideo_pl.backbones.masked_autoencoder import MaskedDecoderConfig
from internvideo_pl.backbones.masked_vit import MaskedViTConfig
from internvideo_pl.backbones.sizes import MASKED_DECODER, MASKED_VIT
from internvideo_pl.errors import UserError

BACKBONE, ENCODER, HEAD = "backbone.", "encoder.", "head."
HEAD_WIDTH = 64  # where no published size tells otherwise: heads = width / 64, as in VideoMAE's S, B and L
NO_HEADS = -1  # stands for a number of heads that can be neither read nor concluded
UPSTREAM_DECODER = {640: 8}  # width: heads of ViT-H's decoder in VideoMAE's own repository; InternVideo's is narrower
RELEASED_SIZE, RELEASED_FRAMES = 224, 16  # of every released position table, which files do not hold

State = Mapping[str, Tensor]


def classifier_to_released(state: State) -> dict[str, Tensor]:
    """A classifier's `backbone.*` and `head.*` under the names of a released fine-tuned checkpoint."""
    return {name.removeprefix(BACKBONE): value for name, value in state.items()}


def classifier_from_released(state: State) -> dict[str, Tensor]:
    """A released fine-tuned checkpoint under a classifier's names."""
    return {name if name.startswith(HEAD) else BACKBONE + name: value for name, value in state.items()}


def masked_config_from(encoder: State, pretraining: bool) -> MaskedViTConfig:
    """The size of a masked encoder whose tensors these are, read from their names and shapes.

    Frames, resolution and the number of heads leave no trace in the tensors: those of the published size with these
    dimensions are taken; `heads` is `NO_HEADS` where there is none and the width is no multiple of 64.

    Args:
        encoder: Tensors under a `MaskedEncoder`'s names.
        pretraining: Whether a last LayerNorm on every token is that of pretraining, or of classification by the first
            token.

    Raises:
        UserError: These are not the tensors of a masked encoder.
    """
    try:
        width, _, tubelet_size, patch_size, _ = encoder["patch_embed.proj.weight"].shape
        hidden = len(encoder["blocks.0.mlp.fc1.weight"])
    except (KeyError, ValueError) as error:
        raise UserError(
            "these are not the weights of a masked video encoder: its tube embedding is missing."
        ) from error
    found = (width, count_parts(encoder, "blocks."), tubelet_size, patch_size)
    size = RELEASED_SIZE // patch_size * patch_size
    published = {(row.width, row.depth, row.tubelet_size, row.patch_size): row for row in MASKED_VIT.values()}
    config = published.get(found) or MaskedViTConfig(
        width=width,
        depth=found[1],
        heads=heads_for(width),
        patch_size=patch_size,
        tubelet_size=tubelet_size,
        image_size=size,
        num_frames=RELEASED_FRAMES,
        table_size=size,
        table_frames=RELEASED_FRAMES,
    )
    per_token = "tokens" if pretraining else "first"
    return replace(
        config,
        mlp_ratio=hidden / width,
        layer_scale=float("blocks.0.gamma_1" in encoder),  # only whether it is there; its values are loaded
        pooling=per_token if "norm.weight" in encoder else "mean",
    )


def masked_decoder_config_from(state: State) -> MaskedDecoderConfig:
    """The size of the decoder among an autoencoder's tensors; `heads` as in `masked_config_from`."""
    width, depth = state["mask_token"].shape[-1], count_parts(state, "decoder.blocks.")
    known = UPSTREAM_DECODER | {row.width: row.heads for row in MASKED_DECODER.values()}
    hidden = len(state["decoder.blocks.0.mlp.fc1.weight"]) if depth else 4 * width
    return MaskedDecoderConfig(
        width=width, heads=known.get(width) or heads_for(width), depth=depth, mlp_ratio=hidden / width
    )


def heads_for(width: int) -> int:
    """Width / 64, or `NO_HEADS` where that is no whole number."""
    return width // HEAD_WIDTH if width % HEAD_WIDTH == 0 else NO_HEADS


def count_parts(state: State, prefix: str) -> int:
    """How many numbered parts follow a prefix."""
    pattern = re.compile(re.escape(prefix) + r"(\d+)\.")
    return len({match[1] for name in state if (match := pattern.match(name))})
