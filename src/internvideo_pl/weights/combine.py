"""Several sets of weights made one: their average, or a mix with CLIP; and other frames or another resolution.

Sources: InternVideo's public release averages checkpoints and mixes CLIP in before it evaluates without training;
WiSE-FT (arXiv 2109.01903).
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from internvideo_pl.backbones.masked_vit import MaskedViTConfig
from internvideo_pl.backbones.multimodal import MultimodalConfig
from internvideo_pl.backbones.released_clip import mix, resize_positions
from internvideo_pl.backbones.video_tower import VideoTowerConfig
from internvideo_pl.errors import UserError
from internvideo_pl.weights.classes import select_rows
from internvideo_pl.weights.fit import ROWS, renamed
from internvideo_pl.weights.load import Recognized

POSITIONS = "positional_embedding"


def averaged(many: Sequence[Recognized]) -> Recognized:
    """The mean of weights of one kind and size, in float32; counters are the first one's.

    Raises:
        UserError: They are of different kinds, or a tensor has no equal in all of them.
    """
    first, *others = many
    for other in others:
        if other.kind != first.kind or other.state.keys() != first.state.keys():
            raise UserError(
                f"{first.name} ({first.kind}) and {other.name} ({other.kind}) cannot be averaged: they do not hold the "
                "same tensors."
            )
    state: dict[str, Tensor] = {}
    for name, value in first.state.items():
        values = [value, *(other.state[name] for other in others)]
        if len({x.shape for x in values}) > 1:
            shapes = " and ".join(str(tuple(x.shape)) for x in values[:2])
            raise UserError(f"{name} cannot be averaged: its shapes are {shapes}.")
        state[name] = _mean(values) if value.is_floating_point() else value
    history = first.lineage.then("average", f"of {len(many)}", *(other.lineage for other in others))
    return replace(first, name=f"the average of {len(many)} files", state=state, raw=None, origin=None, history=history)


def _mean(values: Sequence[Tensor]) -> Tensor:
    total = values[0].float().clone()
    for value in values[1:]:
        total += value
    return total / len(values)


def mixed(ours: Recognized, clip: Recognized, share: float) -> Recognized:
    """Weights drawn back towards what they started from: share * start + (1 - share) * ours, on the start's tensors.

    The start is CLIP, of which only a part is in ours, or weights of our own kind, such as those before fine-tuning.

    Raises:
        UserError: The second weights are neither, nothing of CLIP is in the first, or a shape differs.
    """
    if not clip.source.endswith("_clip") and clip.kind != ours.kind:
        raise UserError(
            f"{clip.name} ({clip.kind}) cannot be mixed into {ours.name} ({ours.kind}): only CLIP's weights can, or "
            "those of the same kind."
        )
    theirs = clip.state if clip.kind == ours.kind else renamed(clip.state, clip.kind, ours.kind)[0]
    theirs = {name: value.float() for name, value in theirs.items() if name in ours.state and value.is_floating_point()}
    if not theirs:
        raise UserError(f"{ours.name} is a {ours.kind.replace('_', ' ')}, in which there is nothing of CLIP to mix.")
    state = {name: value.float() if name in theirs else value for name, value in ours.state.items()}
    history = ours.lineage.then("mix", f"{share:g} of {clip.name}, {len(theirs)} tensors", clip.lineage)
    name = f"{ours.name} mixed with {clip.name}"
    return replace(ours, name=name, state=mix(state, theirs, share), raw=None, origin=None, history=history)


def resized(weights: Recognized, frames: int | None, size: int | None) -> Recognized:
    """Weights for clips of other frames or another resolution.

    The masked encoder's positions are a fixed table that is interpolated when the network is built; a video tower's are
    learned and interpolated here. No tensor depends on the number of frames.

    Raises:
        UserError: The size is not a multiple of the patch, or the frames not one of the tube.
    """
    parts = {name: _resized_part(part, frames, size) for name, part in weights.parts.items()}
    state = dict(weights.state)
    for name in [name for name in state if name.endswith(POSITIONS) and not name.endswith(f"text.{POSITIONS}")]:
        side = _tower_side(parts)
        if side * side + 1 != len(state[name]):
            state[name] = resize_positions(state[name].float(), side)
    detail = ", ".join(f"{value} {word}" for value, word in ((frames, "frames"), (size, "pixels")) if value)
    history = weights.lineage.then("resize", f"to {detail}")
    return replace(weights, state=state, parts=parts, note={}, raw=None, origin=None, history=history)


def with_classes(weights: Recognized, rows: Sequence[int] | None, count: int) -> Recognized:
    """Weights whose classifier has other classes.

    Args:
        weights: Of a network with one linear classifier.
        rows: Row of its classifier for each class wanted; None for the release's rule.
        count: How many classes are wanted.

    Raises:
        UserError: There is no such classifier, or no rule says which rows to take.
    """
    heads = [name for name in weights.state if re.search(ROWS, name)]
    if not heads:
        raise UserError(f"{weights.name} has no classifier whose classes could be chosen.")
    state = dict(weights.state)
    for name in heads:
        chosen = select_rows(state[name], count, rows)
        if chosen is None:
            raise UserError(
                f"{len(state[name])} classes of {weights.name} cannot become {count} by a rule: name a JSON file with "
                "the row of each class (the release's label maps are such files)."
            )
        state[name] = chosen
    history = weights.lineage.then("classes", f"{count} of {weights.num_classes}")
    return replace(
        weights, state=state, parts={**weights.parts, "num_classes": count}, raw=None, origin=None, history=history
    )


def _tower_side(parts: Any) -> int:
    """Patches along one side of a frame in the (only) video tower among a network's parts."""
    for part in parts.values():
        tower = part.video if isinstance(part, MultimodalConfig) else part
        if isinstance(tower, VideoTowerConfig):
            return tower.size // tower.patch
    raise UserError("only a network with one video tower can be given another resolution here.")


def _resized_part(part: Any, frames: int | None, size: int | None) -> Any:
    if isinstance(part, MaskedViTConfig):
        return replace(
            part,
            table_size=part.table_size or part.image_size,
            table_frames=part.table_frames or part.num_frames,
            image_size=size or part.image_size,
            num_frames=frames or part.num_frames,
        )
    if isinstance(part, VideoTowerConfig):
        if size and size % part.patch:
            raise UserError(f"frames of {size} pixels do not divide into patches of {part.patch}.")
        return replace(part, size=size or part.size, num_frames=frames or part.num_frames)
    if isinstance(part, MultimodalConfig):
        return replace(part, video=_resized_part(part.video, frames, size))
    return part
