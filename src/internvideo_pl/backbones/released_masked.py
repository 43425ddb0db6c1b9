"""The masked encoder's parameters under the names of VideoMAE's and InternVideo's released checkpoints, both ways.

Pretraining checkpoints: `mask_token`, `encoder.*`, `decoder.*`, `encoder_to_decoder.weight` - exactly the names of
`MaskedAutoencoder`. Fine-tuned checkpoints: `patch_embed.*`, `blocks.*`, `fc_norm.*` (or `norm.*`) and `head.*`
without a prefix - the names of a classifier's `backbone.*` and `head.*`.
Source: VideoMAE's public model files and its checkpoint loader.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.errors import UserError

BACKBONE, ENCODER, HEAD = "backbone.", "encoder.", "head."
ENCODER_PARTS = ("patch_embed.", "blocks.", "norm.", "fc_norm.")
PRETRAINING_ONLY = ("decoder.", "mask_token", "encoder_to_decoder.")
POOLING_NORMS = ("norm.", "fc_norm.")

State = Mapping[str, Tensor]


def classifier_to_released(state: State) -> dict[str, Tensor]:
    """A classifier's `backbone.*` and `head.*` under the names of a released fine-tuned checkpoint."""
    return {name.removeprefix(BACKBONE): value for name, value in state.items()}


def classifier_from_released(state: State) -> dict[str, Tensor]:
    """A released fine-tuned checkpoint under a classifier's names."""
    return {name if name.startswith(HEAD) else BACKBONE + name: value for name, value in state.items()}


def encoder_from_released(state: State) -> dict[str, Tensor]:
    """The encoder's part of a pretraining or fine-tuned checkpoint, without prefix; decoder and head are left out.

    Raises:
        UserError: No tensor has the name of a masked encoder's.
    """
    bare = {}
    for name, value in state.items():
        short = name.removeprefix("module.").removeprefix(BACKBONE).removeprefix(ENCODER)
        if short.startswith(ENCODER_PARTS) and not name.startswith(PRETRAINING_ONLY):
            bare[short] = value
    if not bare:
        raise UserError(f"no masked encoder among these tensors: none is named like {ENCODER_PARTS[0]}proj.weight.")
    return bare


def load_pretrained_encoder(encoder: MaskedEncoder, state: State) -> None:
    """Starts fine-tuning from a pretrained encoder, by the rule of VideoMAE's loader.

    Tube embedding and blocks are taken over. Pretraining's last LayerNorm is dropped and the one after pooling keeps
    its fresh start, since they normalise different things; a state of the encoder's own layout is taken over whole.

    Args:
        encoder: What to fill, in place.
        state: Tensors under released names, with or without prefixes.

    Raises:
        UserError: A tensor is missing, unknown or of another shape.
    """
    incoming = encoder_from_released(state)
    own = encoder.state_dict()
    foreign = [name for name in incoming if name.startswith(POOLING_NORMS) and name not in own]
    fresh = [name for name in own if name.startswith(POOLING_NORMS) and name not in incoming]
    incoming = {name: value for name, value in incoming.items() if name not in foreign}
    if problem := _difference(own, incoming, fresh):
        raise UserError(f"these weights do not fit a masked encoder of width {encoder.embed_dim}: {problem}.")
    encoder.load_state_dict(incoming, strict=False)


def _difference(own: State, incoming: State, fresh: list[str]) -> str:
    missing = [name for name in own if name not in incoming and name not in fresh]
    unknown = [name for name in incoming if name not in own]
    reshaped = [name for name in incoming if name in own and incoming[name].shape != own[name].shape]
    if missing:
        return f"{len(missing)} tensors are missing, {missing[0]} first"
    if unknown:
        return f"{len(unknown)} tensors are unknown, {unknown[0]} first"
    if reshaped:
        name = reshaped[0]
        return f"{name} has shape {tuple(incoming[name].shape)}, not {tuple(own[name].shape)}"
    return ""


def finetuning_encoder(pretrained: MaskedEncoder, **changes: Any) -> MaskedEncoder:
    """A new encoder for fine-tuning that starts from a pretrained one.

    Args:
        pretrained: With any pooling; stays as it is.
        changes: Fields of its config that shall differ, such as `drop_path`; `pooling` becomes "mean" unless named.
    """
    encoder = MaskedEncoder(replace(pretrained.config, **{"pooling": "mean", **changes}))
    load_pretrained_encoder(encoder, pretrained.state_dict())
    return encoder
