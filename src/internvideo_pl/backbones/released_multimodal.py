"""The multimodal encoder's and UniFormerV2's parameters under the names of the public release, both ways.

InternVideo-MM files hold `clip.*`, in which the text tower's names stand bare, and `caption_decoder.*`. UniFormerV2
files hold `backbone.*`, with the classifier inside as `backbone.transformer.proj.0` (LayerNorm) and `.2` (linear).
Source: the classes of InternVideo's public release.
"""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from internvideo_pl.backbones.caption_decoder import CaptionDecoderConfig
from internvideo_pl.backbones.multimodal import MultimodalConfig
from internvideo_pl.backbones.multimodal_sizes import TEXT_TOWER, VIDEO_TOWER
from internvideo_pl.backbones.released_masked import count_parts, heads_for
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
STRIDED_FRAMES = 16  # UniFormerV2's configurations with temporal downsampling; 8 in all others

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

    Heads of the towers are width / 64 (or those of a published size) and global blocks follow the last blocks, as in
    every released file: neither can be read.

    Raises:
        UserError: These are not the tensors of a multimodal encoder.
    """
    try:
        return MultimodalConfig(
            video=tower_config_from(
                {n.removeprefix("visual."): x for n, x in state.items() if n.startswith("visual.")}
            ),
            text=_text_config(state),
            embed_dim=state["visual_proj"].shape[1],
            caption=_caption_config(state) if any(name.startswith(DECODER) for name in state) else None,
        )
    except (KeyError, ValueError) as missing:
        raise UserError(f"These are not the weights of a multimodal encoder: {missing} is missing.") from missing


def tower_config_from(tower: State) -> VideoTowerConfig:
    """The size of a `VideoTower` whose tensors these are; what cannot be read as in `multimodal_config_from`.

    Raises:
        UserError: These are not the tensors of a video tower.
    """
    try:
        width, _, frames, _, patch = tower["conv1.weight"].shape
        side = round((len(tower["positional_embedding"]) - 1) ** 0.5)
    except (KeyError, ValueError) as error:
        raise UserError(f"These are not the weights of a video tower: {error} is missing.") from error
    depth, blocks = count_parts(tower, "transformer.resblocks."), count_parts(tower, "transformer.dec.")
    found = VideoTowerConfig(
        size=side * patch,
        patch=patch,
        width=width,
        depth=depth,
        heads=heads_for(width),
        global_after=tuple(range(depth - blocks, depth)),
        num_frames=STRIDED_FRAMES if frames > 1 else 8,
        local_mixers=sum(f"transformer.resblocks.0.lmhra{i}.pos_embed.0.weight" in tower for i in (1, 2)),
        temporal_downsample=frames > 1,
        frozen="transformer.balance" not in tower,
    )
    if blocks:
        found = replace(found, mlp_ratio=len(tower["transformer.dec.0.mlp.c_fc.weight"]) / width)
    if found.local_mixers:
        hidden = len(tower["transformer.resblocks.0.lmhra1.pos_embed.1.weight"])
        if int(width // found.local_reduction) != hidden:
            found = replace(found, local_reduction=width / (hidden + 0.5))  # the module rounds down
    same = [row for row in VIDEO_TOWER.values() if (row.width, row.depth, row.patch) == (width, depth, patch)]
    if same and found.size == same[0].size:  # the miniature has fewer frames than the published ones
        found = replace(found, num_frames=found.num_frames if frames > 1 else same[0].num_frames)
    return replace(found, heads=same[0].heads) if same else found


def _text_config(state: State) -> TextTowerConfig:
    vocab_size, width = state["text.token_embedding.weight"].shape
    depth = count_parts(state, "text.transformer.resblocks.")
    same = [row.heads for row in TEXT_TOWER.values() if (row.width, row.depth) == (width, depth)]
    return TextTowerConfig(
        width=width,
        depth=depth,
        heads=same[0] if same else heads_for(width),
        vocab_size=vocab_size,
        context_length=len(state["text.positional_embedding"]),
    )


def _caption_config(state: State) -> CaptionDecoderConfig:
    queries, width = state["caption_decoder.visual_queries"].shape
    return CaptionDecoderConfig(
        width=width,
        depth=count_parts(state, "caption_decoder.multimodal_layers."),
        heads=2
        * width
        // len(state["caption_decoder.visual_attn_pooler.to_kv.weight"]),  # rows: one key, one value head
        vision_width=state["caption_decoder.visual_attn_pooler.to_kv.weight"].shape[1],
        vocab_size=len(state["text.token_embedding.weight"]),
        queries=queries,
    )
