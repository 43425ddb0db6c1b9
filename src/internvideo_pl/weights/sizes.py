"""The sizes of a network, read from the names and shapes of its tensors.

What leaves no trace in tensors (heads, frames, which blocks are paired) comes from the note in our own files, from the
published size of these dimensions, or from a stated rule.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from torch import Tensor

from internvideo_pl.backbones.coordinate import CoordinateConfig
from internvideo_pl.backbones.released_masked import (
    NO_HEADS,
    count_parts,
    masked_config_from,
    masked_decoder_config_from,
)
from internvideo_pl.backbones.released_multimodal import multimodal_config_from, tower_config_from
from internvideo_pl.errors import UserError
from internvideo_pl.heads.answer import AnswerHeadConfig
from internvideo_pl.heads.classify import ClassifyHeadConfig
from internvideo_pl.weights.networks import Parts

State = Mapping[str, Tensor]

RELEASED_EMBEDDING = {768: 512, 1024: 768}  # CLIP's B/16 and L/14: video width to that of the shared space
CLIP_GLOBAL_BLOCKS = 4  # that a CLIP gets: after its last blocks, in all of the release's multimodal models
MOST_BLOCKS = 200  # of any stack; ViT-g has 40
LARGEST = 8192  # of a number from a file's note: pixels, frames, heads
# Fields of a config that tensors cannot tell, taken from a note; `depth` and the like are always read from tensors.
UNREADABLE = (
    "heads",
    "final_heads",
    "num_frames",
    "image_size",
    "table_size",
    "table_frames",
    "gate_scale",
    "keys_from",
)
UNREADABLE_LISTS = ("global_after", "masked_blocks", "multimodal_blocks")


def parts_from(kind: str, state: State, note: Any = None) -> Parts:
    """The arguments with which `BUILD[kind]` makes the network of these tensors.

    Args:
        kind: A row of `BUILD`.
        state: Tensors under our names.
        note: The network's config as our own files note it, for what tensors cannot tell.

    Raises:
        UserError: The tensors are not those of such a network.
    """
    try:
        parts = READ[kind](state)
    except UserError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        raise UserError(
            f"these tensors are no whole {kind.replace('_', ' ')}: {error} is missing or malformed."
        ) from error
    saved = note if isinstance(note, Mapping) else {}
    if set(parts) & {"encoder", "tower"} and not set(parts) & set(saved):
        saved = {next(iter(parts)): saved}  # a network that is one config and nothing more
    return _with_note(parts, saved)


def has_heads(value: Any) -> bool:
    """Whether every part's number of attention heads is known."""
    if isinstance(value, dict):
        return all(has_heads(part) for part in value.values())
    if is_dataclass(value):
        return getattr(value, "heads", None) != NO_HEADS and all(
            has_heads(getattr(value, item.name)) for item in fields(value)
        )
    return True


def _encoder(state: State, pretraining: bool = False) -> Any:
    _check_depth(state, "blocks.")
    return masked_config_from(state, pretraining)


def _tower(state: State) -> Any:
    _check_depth(state, "transformer.resblocks.")
    return tower_config_from(state)


def _read_autoencoder(state: State) -> Parts:
    _check_depth(state, "decoder.blocks.")
    return {"encoder": _encoder(under("encoder.", state), True), "decoder": masked_decoder_config_from(state)}


def _read_classifier(part: str, read: Callable[[State], Any]) -> Callable[[State], Parts]:
    def parts(state: State) -> Parts:
        head, classes = _head("head.", state)
        return {part: read(under("backbone.", state)), "head": head, "num_classes": classes}

    return parts


def _read_multimodal(state: State) -> Any:
    for stack in ("visual.transformer.resblocks.", "text.transformer.resblocks.", "caption_decoder.multimodal_layers."):
        _check_depth(state, stack)
    config = multimodal_config_from(state)
    if "visual.transformer.temporal_cls_token" in state:
        return config
    depth = config.video.depth  # CLIP: global blocks are still to come
    last = tuple(range(max(depth - CLIP_GLOBAL_BLOCKS, 0), depth))
    return replace(config, video=replace(config.video, global_after=last, frozen=False))


def _read_answerer(state: State) -> Parts:
    encoder = dict(under("encoder.", state))
    width = len(encoder["visual.class_embedding"])
    if "visual_proj" not in encoder:  # files of the release lack what answering does not use
        encoder["visual_proj"] = encoder["visual.class_embedding"].new_empty(
            width, RELEASED_EMBEDDING.get(width, width)
        )
    return {
        "encoder": _read_multimodal(encoder),
        "head": AnswerHeadConfig(),
        "num_answers": len(state["head.layers.5.weight"]),
    }


def _read_coordinated(state: State) -> Parts:
    pairs = count_parts(state, "backbone.cross.")
    _check_depth(state, "backbone.cross.")
    masked_head, classes = _head("masked_head.", state)
    multimodal_head, _ = _head("multimodal_head.", state)
    masked = _encoder(under("backbone.masked.", state))
    tower = _tower(under("backbone.tower.", state))
    frames = state.get("backbone.frame_embedding")
    coordinate = CoordinateConfig(
        num_pairs=pairs,
        mlp_ratio=len(state["backbone.cross.0.mlp.fc1.weight"]) / masked.width,
        gate_final=any(name.startswith("backbone.final.gate_") for name in state),
        frame_embedding=frames is not None,
    )
    return {
        "masked": masked,
        "multimodal": tower if frames is None else replace(tower, num_frames=len(frames)),
        "coordinate": coordinate,
        "masked_head": masked_head,
        "multimodal_head": multimodal_head,
        "num_classes": classes,
    }


def _read_internvideo_t(state: State) -> Parts:
    head, classes = _head("second_head.", state)
    second = {"tower": _tower(under("second.", state)), "head": head, "num_classes": classes}
    return {"coordinated": _read_coordinated(under("coordinated.", state)), "second": second}


READ: dict[str, Callable[[State], Parts]] = {
    "masked_encoder": lambda state: {"encoder": _encoder(state, True)},
    "masked_autoencoder": _read_autoencoder,
    "masked_classifier": _read_classifier("encoder", _encoder),
    "video_tower": lambda state: {"tower": _tower(state)},
    "video_tower_classifier": _read_classifier("tower", _tower),
    "multimodal": lambda state: {"encoder": _read_multimodal(state)},
    "question_answerer": _read_answerer,
    "coordinated": _read_coordinated,
    "internvideo_t": _read_internvideo_t,
}


def under(prefix: str, state: State) -> dict[str, Tensor]:
    """The tensors whose names start with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _head(prefix: str, state: State) -> tuple[ClassifyHeadConfig, int]:
    if f"{prefix}weight" not in state:
        raise UserError(f"these are not the weights of a classifier: {prefix}weight is missing.")
    return ClassifyHeadConfig(norm=f"{prefix}norm.weight" in state), len(state[f"{prefix}weight"])


def _check_depth(state: State, prefix: str) -> None:
    if count_parts(state, prefix) > MOST_BLOCKS:
        raise UserError(
            f"these tensors name {count_parts(state, prefix):,} blocks ({prefix}N); no model here has so many."
        )


def _with_note(value: Any, saved: Any) -> Any:
    """`value` with what tensors cannot tell taken from a note; anything implausible in it is passed over."""
    if not isinstance(saved, Mapping):
        return value
    if isinstance(value, dict):
        return {name: _with_note(part, saved.get(name)) for name, part in value.items()}
    if not is_dataclass(value):
        return value
    changes: dict[str, Any] = {}
    for item in fields(value):
        own, noted = getattr(value, item.name), saved.get(item.name)
        if is_dataclass(own):
            changes[item.name] = _with_note(own, noted)
        elif item.name in UNREADABLE and noted and _plausible(noted) and (own is None or type(noted) is type(own)):
            changes[item.name] = noted
        elif item.name in UNREADABLE_LISTS and isinstance(noted, list) and all(map(_plausible, noted)):
            changes[item.name] = type(own)(noted) if own is not None else noted
    return replace(value, **changes)  # type: ignore[type-var]


def _plausible(noted: Any) -> bool:
    number = type(noted) in (int, float) and 0 <= noted <= LARGEST
    return number or noted in ("multimodal", "masked")
