"""CLIP's public weights as the multimodal encoder's start: OpenAI's layout and that of transformers, both ways.

Shapes: D video width, W text width, E embedding width, p patch size, S patches along one side.
Source: OpenAI's public model file (names), transformers' CLIPModel (names), InternVideo's public release (inflation).
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.backbones.released_multimodal import TEXT, TEXT_PARTS
from internvideo_pl.errors import UserError

NOT_WEIGHTS = ("input_resolution", "context_length", "vocab_size")  # numbers inside OpenAI's archives
PATCHES = "visual.conv1.weight"

OPENAI_TO_OURS = {"visual.proj": "visual_proj", "visual.ln_post.": "visual_ln_post."}
TRANSFORMERS_TO_OPENAI = {
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.": "visual.ln_pre.",  # the spelling is transformers'
    "vision_model.encoder.layers.": "visual.transformer.resblocks.",
    "vision_model.post_layernorm.": "visual.ln_post.",
    "visual_projection.weight": "visual.proj",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.encoder.layers.": "transformer.resblocks.",
    "text_model.final_layer_norm.": "ln_final.",
    "text_projection.weight": "text_projection",
    "logit_scale": "logit_scale",
}
NOT_CLIP = ("caption_decoder.", ".dpe.", ".dec.", ".lmhra", "temporal_cls_token", "balance", "text_mask_embedding")
TRANSPOSED = ("visual.proj", "text_projection")  # linear layers there, plain matrices here
BLOCK_PARTS = {
    ".self_attn.out_proj.": ".attn.out_proj.",
    ".layer_norm1.": ".ln_1.",
    ".layer_norm2.": ".ln_2.",
    ".mlp.fc1.": ".mlp.c_fc.",
    ".mlp.fc2.": ".mlp.c_proj.",
}

State = Mapping[str, Tensor]


def clip_from_openai(state: State) -> dict[str, Tensor]:
    """OpenAI's CLIP under a `MultimodalEncoder`'s names; the patch embedding stays two-dimensional."""
    return {_to_ours(name): value for name, value in state.items() if name not in NOT_WEIGHTS}


def clip_to_openai(state: State) -> dict[str, Tensor]:
    """The CLIP part of a `MultimodalEncoder`'s tensors under OpenAI's names.

    Raises:
        UserError: The patch embedding spans several frames, for which CLIP has no place.
    """
    back = {ours: theirs for theirs, ours in OPENAI_TO_OURS.items()}
    shared = {name: value for name, value in state.items() if _is_clip(name)}
    if shared[PATCHES].shape[2] != 1:
        raise UserError("A tower with temporal_downsample is no CLIP: its patches span several frames.")
    shared[PATCHES] = shared[PATCHES][:, :, 0]  # (D, 3, 1, p, p) -> (D, 3, p, p)
    return {_renamed(name, back).removeprefix(TEXT): value for name, value in shared.items()}


def openai_from_transformers(state: State) -> dict[str, Tensor]:
    """transformers' CLIPModel under OpenAI's names."""
    theirs: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.endswith(".embeddings.position_ids"):  # a table of 0, 1, 2, ... in older files
            continue
        new = _renamed(_within(name, BLOCK_PARTS), TRANSFORMERS_TO_OPENAI)
        theirs[new] = value.T if new in TRANSPOSED else value
    for name in [name for name in theirs if ".self_attn.q_proj." in name]:
        parts = [theirs.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        theirs[name.replace(".self_attn.q_proj.", ".attn.in_proj_")] = torch.cat(parts)
    return theirs


def transformers_from_openai(state: State) -> dict[str, Tensor]:
    """OpenAI's CLIP under transformers' CLIPModel names."""
    prefixes = {new: old for old, new in TRANSFORMERS_TO_OPENAI.items()}
    parts = {new: old for old, new in BLOCK_PARTS.items()}
    theirs: dict[str, Tensor] = {}
    for name, value in state.items():
        if name in NOT_WEIGHTS:
            continue
        new = _within(_renamed(name, prefixes), parts)
        if ".attn.in_proj_" in new:
            for part, third in zip("qkv", value.chunk(3), strict=True):
                theirs[new.replace(".attn.in_proj_", f".self_attn.{part}_proj.")] = third
        else:
            theirs[new] = value.T if name in TRANSPOSED else value
    return theirs


def _is_clip(name: str) -> bool:
    return not any(part in name for part in NOT_CLIP)


def _to_ours(name: str) -> str:
    return TEXT + name if name.startswith(TEXT_PARTS) else _renamed(name, OPENAI_TO_OURS)


def _renamed(name: str, prefixes: Mapping[str, str]) -> str:
    for old, new in prefixes.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _within(name: str, parts: Mapping[str, str]) -> str:
    for old, new in parts.items():
        name = name.replace(old, new)
    return name


def inflate(weight: Tensor, frames: int, centre: bool = True) -> Tensor:
    """A patch embedding of one frame, spread over several.

    Args:
        weight: (D, 3, p, p).
        frames: Temporal size of the result.
        centre: Whether the middle frame gets all of it and the others nothing (the release's choice), or each frame an
            equal share.

    Returns:
        (D, 3, frames, p, p).
    """
    if not centre:
        return (weight / frames).unsqueeze(2).repeat(1, 1, frames, 1, 1)
    inflated = weight.new_zeros(*weight.shape[:2], frames, *weight.shape[2:])
    inflated[:, :, frames // 2] = weight
    return inflated


def resize_positions(positions: Tensor, side: int) -> Tensor:
    """Position embeddings (1 + S*S, D) -> (1 + side*side, D), bicubic; the class token's is kept."""
    cls, grid = positions[:1], positions[1:]
    old = round(len(grid) ** 0.5)
    image = grid.T.unflatten(1, (old, old))[None]  # (S*S, D) -> (1, D, S, S)
    resized = F.interpolate(image, size=(side, side), mode="bicubic", align_corners=False)
    return torch.cat([cls, resized[0].flatten(1).T])


def mix(ours: State, clip: State, share: float) -> dict[str, Tensor]:
    """Robust fine-tuning by mixing weights, share * CLIP + (1 - share) * ours, where CLIP has a tensor of that name.

    Source: WiSE-FT (arXiv 2109.01903); the public release evaluates zero-shot with a share of 0.5.

    Args:
        ours: Fine-tuned tensors under any names.
        clip: CLIP's tensors under the same names and in the same shapes.
        share: CLIP's share, 0 .. 1.

    Raises:
        UserError: The share is outside 0 .. 1, or a shared name has two shapes.
    """
    if not 0 <= share <= 1:
        raise UserError(f"CLIP's share of a mix is between 0 and 1, not {share}.")
    mixed = dict(ours)
    for name in ours.keys() & clip.keys():
        if ours[name].shape != clip[name].shape:
            shapes = f"{tuple(ours[name].shape)} and {tuple(clip[name].shape)}"
            raise UserError(f"{name} cannot be mixed: its shapes are {shapes}.")
        mixed[name] = share * clip[name] + (1 - share) * ours[name]
    return mixed
