"""From the tensors of one kind of network to those of another: what they share is renamed, the rest is accounted for.

A masked encoder starts from an autoencoder or a classifier; a video tower from a multimodal encoder, a classifier or
CLIP. Nothing is passed over: every tensor of both sides gets an entry in the audit, and only what is listed here may be
missing or left over.
"""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from internvideo_pl.backbones.released_clip import inflate, resize_positions
from internvideo_pl.weights.audit import (
    FRESH,
    LEFT_OUT,
    MATCHED,
    MISMATCHED,
    MISSING,
    RESHAPED,
    UNEXPECTED,
    Audit,
    Entry,
)
from internvideo_pl.weights.classes import select_rows

State = Mapping[str, Tensor]

# Kind -> the parts that it shares with other kinds, and the prefix of their names in it.
PARTS: dict[str, dict[str, str]] = {
    "masked_encoder": {"masked": ""},
    "masked_autoencoder": {"masked": "encoder."},
    "masked_classifier": {"masked": "backbone.", "head": "head."},
    "video_tower": {"tower": ""},
    "video_tower_classifier": {"tower": "backbone.", "head": "head."},
    "multimodal": {"multimodal": "", "tower": "visual."},
    "question_answerer": {"multimodal": "encoder.", "tower": "encoder.visual."},
    "coordinated_encoder": {"joined": ""},
    "coordinated": {"coordinated": "", "joined": "backbone.", "masked": "backbone.masked.", "tower": "backbone.tower."},
    "internvideo_t": {
        "coordinated": "coordinated.",
        "joined": "coordinated.backbone.",
        "masked": "coordinated.backbone.masked.",
        "tower": "second.",
    },
}
_WIDEST_FIRST = ("coordinated", "joined", "multimodal", "masked", "tower")

Rule = tuple[str, str]  # pattern of names, reason
HEAD, ROWS = r"^head\.(weight|bias|norm\.|layers\.)", r"^head\.(weight|bias)$"
# What a model may have that its file has not.
_FRESH: tuple[Rule, ...] = (
    (r"\.lmhra\d\.", "local mixers start silent"),
    (r"(^|\.)caption_decoder\.", "the file has no caption decoder"),
)
_NO_HIDDEN_WORDS: Rule = (r"text_mask_embedding$", "only for hidden words, which no objective has")
_FRESH_HEAD: Rule = (HEAD, "a classifier of its own")
_NOT_IN_PRETRAINING: Rule = (r"(^|\.)fc_norm\.", "normalises pooled tokens, which pretraining does not do")
_NOT_IN_CLASSIFIER: Rule = (
    r"^norm\.(weight|bias)$",
    "normalises tokens; fine-tuning does their mean",
)
_NOT_IN_CLIP: tuple[Rule, ...] = (
    (r"\.(dpe|dec)\.\d+\.|temporal_cls_token$|\.balance$", "global blocks, which start silent; CLIP has none"),
)
_NOT_IN_ANSWERING: tuple[Rule, ...] = (
    (r"(visual_proj|text_projection)$|caption_decoder\.predictor\.", "not used to answer questions"),
)
# What a file may have that its model has not.
_LEFT_OUT: tuple[Rule, ...] = (
    (r"^(mask_token|decoder\.|encoder_to_decoder\.)", "the decoder of pretraining"),
    (HEAD, "the classifier"),
    (r"(^|\.)norm\.(weight|bias)$", "pretraining's last LayerNorm, in whose place fc_norm comes"),
    (r"(^|\.)fc_norm\.(weight|bias)$", "fine-tuning's LayerNorm on pooled tokens, in whose place norm comes"),
    (r"(^|\.)caption_decoder\.", "this model has no caption decoder"),
)
_PART_WORDS = {
    "joined": "the joined encoders",
    "masked": "the masked encoder",
    "tower": "the video tower",
    "multimodal": "the multimodal encoder",
}


def renamed(state: State, source: str, target: str | None) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of one kind of network under the names of another.

    Args:
        state: Under the names of the kind `source`.
        source: A key of `PARTS`.
        target: Another; None for a model that is none of them, whose names are taken to be the same.

    Returns:
        The tensors that have a name in the other kind, and the reasons why the others have none.
    """
    if target is None or source == target:
        return dict(state), {}  # a network of no kind here has the names of the model that it was saved from
    shared = next((part for part in _WIDEST_FIRST if part in PARTS[source] and part in PARTS[target]), None)
    if shared is None:
        return dict(state), {}  # then nothing fits, and the audit says so
    moves = {part: PARTS[source][part] for part in (shared, "head") if part in PARTS[source] and part in PARTS[target]}
    found: dict[str, Tensor] = {}
    reasons: dict[str, str] = {}
    for name, value in state.items():
        part = next((part for part, prefix in moves.items() if name.startswith(prefix)), None)
        if part is None:
            beside = f"not part of {_PART_WORDS[shared]}" if shared in _PART_WORDS else ""
            reasons[name] = _reason(name, _LEFT_OUT) or beside
        else:
            found[PARTS[target][part] + name.removeprefix(moves[part])] = value
    return found, reasons


def fit(
    state: State,
    own: State,
    audit: Audit,
    *,
    kinds: tuple[str, str | None],
    source: str,
    left_out: Mapping[str, str] | None = None,
    counts: Mapping[str, int] | None = None,
    head: bool = True,
    classes: Sequence[int] | None = None,
) -> dict[str, Tensor]:
    """Finds for every tensor of a model its value in a file's tensors, and writes the audit.

    Args:
        state: The file's tensors under the names of its kind.
        own: The model's, of which only shapes and types are read.
        audit: Gets an entry for every tensor of both.
        kinds: The file's kind and the model's.
        source: Layout of the file.
        left_out: Names that were left out on the way here, and why.
        counts: Values of those that are tensors.
        head: Whether the model must find its classifier in the file; else it may keep a fresh one.
        classes: Row of the file's classifier for every class of the model; None for the release's own rule.

    Returns:
        The values by the model's names; those that start fresh are not among them.
    """
    found, reasons = renamed(state, *kinds)
    if not head:
        found, reasons = _without_other_head(found, reasons, own, classes)
    rules = _fresh_rules(kinds[0], source, found, head)
    taken: dict[str, Tensor] = {}
    for name, wanted in own.items():
        if name not in found:
            why = _reason(name, rules)
            audit.entries.append(Entry(name, FRESH if why else MISSING, wanted.numel(), why))
            continue
        value, why = _reshaped(name, found[name], wanted, classes)
        if value is None:
            audit.entries.append(Entry(name, MISMATCHED, wanted.numel(), why))
        else:
            audit.entries.append(Entry(name, RESHAPED if why else MATCHED, wanted.numel(), why))
            taken[name] = value
    spare = [rule for rule in _LEFT_OUT if not any(re.search(rule[0], name) for name in own)]
    reasons = {**reasons, **{name: _reason(name, spare) for name in found if name not in own}}
    sizes = {name: value.numel() for name, value in {**state, **found}.items()} | dict(counts or {})
    for name, why in {**reasons, **(left_out or {})}.items():
        audit.entries.append(Entry(name, LEFT_OUT if why else UNEXPECTED, sizes.get(name, 0), why))
    return taken


def _fresh_rules(kind: str, source: str, found: State, head: bool) -> list[Rule]:
    """What may be missing, given where the tensors come from. A part of which the file has a piece must be whole."""
    rules = [*_FRESH, _NO_HIDDEN_WORDS, *([] if head else [_FRESH_HEAD])]
    if kind in ("masked_autoencoder", "masked_encoder"):
        rules.append(_NOT_IN_PRETRAINING)
    if kind in ("masked_classifier", "masked_encoder"):
        rules.append(_NOT_IN_CLASSIFIER)
    rules = [rule for rule in rules if not any(re.search(rule[0], name) for name in found)]
    if source.endswith("_clip"):
        rules += _NOT_IN_CLIP
    return rules + list(_NOT_IN_ANSWERING if source == "internvideo_qa" else ())


def _without_other_head(
    found: dict[str, Tensor], reasons: dict[str, str], own: State, classes: Sequence[int] | None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Leaves out a classifier of other classes than the model's, from which no rows can be chosen either."""
    names = [name for name in found if re.search(HEAD, name)]
    fitting = all(name in own and _reshaped(name, found[name], own[name], classes)[0] is not None for name in names)
    whole = all(name in found for name in own if re.search(HEAD, name))
    if fitting and whole:
        return found, reasons
    kept = {name: value for name, value in found.items() if name not in names}
    return kept, reasons | dict.fromkeys(names, "another classifier than this one")


def _reshaped(name: str, value: Tensor, wanted: Tensor, classes: Sequence[int] | None) -> tuple[Tensor | None, str]:
    """The value in the wanted shape with the reason of a change, or None with what does not fit."""
    if value.is_floating_point() != wanted.is_floating_point():
        return None, f"{value.dtype} instead of {wanted.dtype}"
    if re.search(ROWS, name) and value.ndim and value.shape[1:] == wanted.shape[1:]:
        rows = select_rows(value, len(wanted), classes)
        changed = classes is not None or len(value) != len(wanted)
        if rows is not None and changed:
            return rows, f"{len(wanted)} of {len(value)} classes"
    if value.shape == wanted.shape:
        return value, ""
    if name.endswith("positional_embedding") and "text." not in name and value.shape[1:] == wanted.shape[1:]:
        side, whole = round((len(wanted) - 1) ** 0.5), _is_square(len(value) - 1)
        if whole and side * side + 1 == len(wanted):
            return resize_positions(value.float(), side), f"positions of {len(value) - 1} patches to {side * side}"
    if name.endswith("conv1.weight") and value.ndim == 5 and value.shape == (*wanted.shape[:2], 1, *wanted.shape[3:]):
        return inflate(value[:, :, 0], wanted.shape[2]), f"1 frame to {wanted.shape[2]}, the middle one"
    return None, f"{tuple(value.shape)} instead of {tuple(wanted.shape)}"


def _is_square(number: int) -> bool:
    return number > 0 and round(number**0.5) ** 2 == number


def _reason(name: str, rules: Sequence[Rule]) -> str:
    return next((why for pattern, why in rules if re.search(pattern, name)), "")


def not_finite(state: State) -> list[str]:
    """Names of the tensors that hold an infinite value or none at all (NaN)."""
    return [name for name, value in state.items() if value.is_floating_point() and not _finite(value)]


def _finite(value: Tensor) -> bool:
    if not value.numel():
        return True
    low, high = torch.aminmax(value)
    return bool(torch.isfinite(low) and torch.isfinite(high))
