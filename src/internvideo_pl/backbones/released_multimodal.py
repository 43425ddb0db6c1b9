"""The multimodal encoder's and UniFormerV2's parameters under the names of the public release, both ways.

InternVideo-MM files hold `clip.*`, in which the text tower's names stand bare, and `caption_decoder.*`. UniFormerV2
files hold `backbone.*`, with the classifier inside as `backbone.transformer.proj.0` (LayerNorm) and `.2` (linear).
Source: the classes of InternVideo's public release.
"""

import re
from collections.abc import Mapping

from torch import Tensor

from internvideo_pl.backbones.caption_decoder import CaptionDecoderConfig
from internvideo_pl.backbones.multimodal import MultimodalConfig
from internvideo_pl.backbones.text_tower import TextTowerConfig
from internvideo_pl.backbones.video_tower import VideoTowerConfig
from internvideo_pl.errors import UserError

CLIP, TEXT, DECODER = "clip.", "text.", "caption_decoder."
TEXT_PARTS = ("token_embedding.", "positional_embedding", "text_mask_embedding", "transformer.", "ln_final.")
HEAD_TO_RELEASED = {
    "head.norm.": "backbone.transformer.proj.0.",
    "head.weight": "backbone.transformer.proj.2.weight",
    "head.bias": "backbone.transformer.proj.2.bias",
}
HEAD_WIDTH = 64  # every released CLIP and InternVideo tower: heads = width / 64

State = Mapping[str, Tensor]


def multimodal_to_released(state: State) -> dict[str, Tensor]:
    """A `MultimodalEncoder`'s tensors under the names of a released InternVideo-MM file."""
    return {name if name.startswith(DECODER) else CLIP + name.removeprefix(TEXT): x for name, x in state.items()}


def multimodal_from_released(state: State) -> dict[str, Tensor]:
    """The tensors of a released InternVideo-MM file under a `MultimodalEncoder`'s names.

    Raises:
        UserError: A tensor belongs neither to the towers nor to the caption decoder.
    """
    ours = {}
    for name, value in state.items():
        if not name.startswith((CLIP, DECODER)):
            raise UserError(f"An InternVideo-MM file holds clip.* and caption_decoder.* only, not {name}.")
        bare = name.removeprefix(CLIP)
        ours[TEXT + bare if bare.startswith(TEXT_PARTS) else bare] = value
    return ours


def uniformer_to_released(state: State) -> dict[str, Tensor]:
    """A classifier's (`backbone.*` and a `head.*` with LayerNorm) tensors under the names of a UniFormerV2 file."""
    return {_rename(name, HEAD_TO_RELEASED): value for name, value in state.items()}


def uniformer_from_released(state: State) -> dict[str, Tensor]:
    """The tensors of a UniFormerV2 file under a classifier's names."""
    back = {theirs: ours for ours, theirs in HEAD_TO_RELEASED.items()}
    return {_rename(name, back): value for name, value in state.items()}


def _rename(name: str, prefixes: Mapping[str, str]) -> str:
    for old, new in prefixes.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def multimodal_config_from(state: State) -> MultimodalConfig:
    """The sizes of a `MultimodalEncoder` whose tensors these are, read from their names and shapes.

    Heads are width / 64 and global blocks follow the last blocks, as in every released file: neither can be read.

    Raises:
        UserError: These are not the tensors of a multimodal encoder.
    """
    try:
        return MultimodalConfig(
            video=_video_config(state),
            text=_text_config(state),
            embed_dim=state["visual_proj"].shape[1],
            caption=_caption_config(state) if any(name.startswith(DECODER) for name in state) else None,
        )
    except KeyError as missing:
        raise UserError(f"These are not the weights of a multimodal encoder: {missing} is missing.") from missing


def _video_config(state: State) -> VideoTowerConfig:
    width, _, frames, _, patch = state["visual.conv1.weight"].shape
    side = round((len(state["visual.positional_embedding"]) - 1) ** 0.5)
    depth = _count(state, "visual.transformer.resblocks.")
    return VideoTowerConfig(
        size=side * patch,
        patch=patch,
        width=width,
        depth=depth,
        heads=width // HEAD_WIDTH,
        global_after=tuple(range(depth - _count(state, "visual.transformer.dec."), depth)),
        temporal_downsample=frames > 1,
    )


def _text_config(state: State) -> TextTowerConfig:
    vocab_size, width = state["text.token_embedding.weight"].shape
    return TextTowerConfig(
        width=width,
        depth=_count(state, "text.transformer.resblocks."),
        heads=width // HEAD_WIDTH,
        vocab_size=vocab_size,
        context_length=len(state["text.positional_embedding"]),
    )


def _caption_config(state: State) -> CaptionDecoderConfig:
    queries, width = state["caption_decoder.visual_queries"].shape
    return CaptionDecoderConfig(
        width=width,
        depth=_count(state, "caption_decoder.multimodal_layers."),
        heads=width // HEAD_WIDTH,
        vision_width=state["visual_proj"].shape[0],
        vocab_size=len(state["caption_decoder.predictor.4.bias"]),
        queries=queries,
    )


def _count(state: State, prefix: str) -> int:
    """How many numbered parts follow a prefix."""
    found = {match[1] for name in state if (match := re.match(re.escape(prefix) + r"(\d+)\.", name))}
    return len(found)
