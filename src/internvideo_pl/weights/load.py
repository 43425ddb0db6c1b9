"""Weights in, a model out: a file, folder, short name or hub id is opened, recognised, checked, put into a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from internvideo_pl.errors import UserError, hint
from internvideo_pl.weights.audit import FAULTS, FRESH, Audit
from internvideo_pl.weights.checkpoint import find_state
from internvideo_pl.weights.container import file_of, open_file
from internvideo_pl.weights.fit import fit, not_finite
from internvideo_pl.weights.lineage import Lineage
from internvideo_pl.weights.networks import BUILD, Parts, kind_of
from internvideo_pl.weights.recognize import LAYOUTS, recognize
from internvideo_pl.weights.released import FILE_SUFFIXES, RELEASED, fetch, is_hub_id
from internvideo_pl.weights.sizes import has_heads, parts_from
from internvideo_pl.weights.tensor_file import Note, lineage_in

ALL = 1.0  # every tensor must fit


@dataclass(frozen=True)
class Recognized:
    """Weights whose model is known.

    Attributes:
        name: The file, in a person's words.
        source: How the file names its tensors, a key of `LAYOUTS`.
        kind: Which network of ours it is, a key of `BUILD`.
        state: Its tensors under our names; mapped from the file where its format allows.
        left_out: Names that are not among them, and why.
        counts: Values of those that are tensors.
        parts: The network's sizes, the arguments of `BUILD[kind]`.
        note: What our own files say of themselves; empty in others.
        raw: All tensors as they are named in the file, for networks of no kind here; None once they were changed.
        origin: The file; None for weights that were made of several.
        history: What was done to weights that are not a file's as they stand.
    """

    name: str
    source: str
    kind: str
    state: dict[str, Tensor]
    left_out: dict[str, str]
    counts: dict[str, int]
    parts: Parts
    note: Note
    raw: dict[str, Tensor] | None
    origin: Path | None
    history: Lineage | None = None

    @property
    def config(self) -> Any:
        """The config of the (first) encoder: a MaskedViTConfig, VideoTowerConfig or MultimodalConfig."""
        first = next(iter(self.parts.values()))
        return first["masked"] if isinstance(first, dict) else first

    @property
    def num_classes(self) -> int | None:
        """Classes of the classifier, if there is one."""
        parts = self.parts.get("coordinated", self.parts)
        return parts.get("num_classes") or parts.get("num_answers")

    @cached_property
    def lineage(self) -> Lineage:
        """Where the weights come from; the first use reads the file once more, for its hash."""
        if self.history is not None:
            return self.history
        assert self.origin is not None
        return Lineage.of_file(self.origin, lineage_in(self.note))

    def audit(self) -> Audit:
        """The file against the network that it should be; nothing is computed."""
        with torch.device("meta"):
            network = BUILD[self.kind](**self.parts)
        audit, kinds = Audit(self.name, LAYOUTS[self.source].title, describe(network)), (self.kind, self.kind)
        fit(
            self.state,
            network.state_dict(),
            audit,
            kinds=kinds,
            source=self.source,
            left_out=self.left_out,
            counts=self.counts,
        )
        return audit


def locate(name: str) -> Path:
    """The file that a path, the short name of released weights or a hub id stands for; the latter two may download.

    Raises:
        UserError: There is none.
    """
    if Path(name).exists():
        return file_of(Path(name))
    if name in RELEASED or is_hub_id(name):
        return fetch(name)
    if Path(name).suffix in FILE_SUFFIXES or "/" in name:
        return file_of(Path(name))
    raise UserError(f"there is neither a file {name!r} nor released weights of this name.{hint(name, RELEASED)}")


def read_model(path_or_name: str | Path, trust: bool = False, threshold: float = ALL) -> Recognized:
    """Opens and recognises weights, and refuses those that are not whole.

    Args:
        path_or_name: A file, a folder of one, the short name of released weights, or a hub id ("owner/name[:file]").
        trust: Whether pickled code may run where a legacy file cannot be read without; only for files whose maker you
            trust.
        threshold: Share of the network's and of the file's values that must fit each other.

    Raises:
        UserError: There is no such file, it is damaged or of no known model, it is not whole, or it would run code.
    """
    recognized = open_model(str(path_or_name), trust)
    recognized.audit().require(threshold)
    check_finite(recognized.name, recognized.state)
    return recognized


def open_model(name: str, trust: bool = False) -> Recognized:
    """As `read_model`, without asking whether the weights are whole.

    Raises:
        UserError: As `read_model`, but for that.
    """
    contents = open_file(locate(name), trust)
    named = find_state(contents.tree, contents.path)
    try:
        source, tensors = recognize(named.tensors)
        converted = LAYOUTS[source].read(tensors)
        kind = LAYOUTS[source].kind
        parts = parts_from(kind, converted.tensors, contents.note.get("network"))
    except UserError as error:
        raise UserError(f"{contents.path}: {error}") from error
    left_out = named.left_out | converted.left_out
    counts = {name: value.numel() for name, value in (named.tensors | tensors).items() if name in left_out}
    return Recognized(
        name, source, kind, converted.tensors, left_out, counts, parts, contents.note, named.tensors, contents.path
    )


def check_finite(name: str, state: Mapping[str, Tensor]) -> None:
    """Refuses weights with infinite or undefined values.

    Raises:
        UserError: Some are; the first tensor is named.
    """
    if damaged := not_finite(state):
        raise UserError(
            f"{name} holds values that are not finite in {len(damaged)} tensors, {damaged[0]} first: it comes from a "
            "training that diverged, or is damaged."
        )


def build_model(recognized: Recognized, threshold: float = ALL) -> nn.Module:
    """The network of recognised weights, filled with them, in float32 on the CPU.

    Where the file fills every tensor, the network takes the file's own memory over: a model is in memory once.

    Raises:
        UserError: The weights are not whole, or how many attention heads they are for is not known.
    """
    if not has_heads(recognized.parts):
        raise UserError(
            f"how many attention heads {recognized.name} was trained with cannot be read from it, and no published "
            "model has its width: start an experiment from it whose backbone says so."
        )
    audit = recognized.audit()
    audit.require(threshold)
    build = BUILD[recognized.kind]
    if any(entry.status in (FRESH, *FAULTS) for entry in audit.entries):
        network = build(**recognized.parts)  # with the start values of what the file does not have
        fill(network, recognized, threshold=threshold)
        return network
    with torch.device("meta"):
        network = build(**recognized.parts)
    values = {name: recognized.state[name] for name in network.state_dict()}
    network.load_state_dict({n: x.float() if x.is_floating_point() else x for n, x in values.items()}, assign=True)
    return network


def fill(
    model: nn.Module,
    recognized: Recognized,
    *,
    head: bool = True,
    classes: Sequence[int] | None = None,
    threshold: float = ALL,
) -> Audit:
    """Puts weights into a network of the same or a related kind, in place.

    Args:
        model: Any network; what it shares with the weights' own is told by the table in `fit`.
        recognized: The weights.
        head: Whether the network must get its classifier from them; else a classifier of other classes stays fresh.
        classes: Row of the weights' classifier for each class of the network; None for the release's own rule.
        threshold: Share of the network's and of the file's values that must fit each other.

    Returns:
        What fitted and what did not.

    Raises:
        UserError: Too little fits, or a value is not finite; the network is then as it was.
    """
    kind = kind_of(model)
    audit = Audit(recognized.name, LAYOUTS[recognized.source].title, describe(model))
    values = fit(
        recognized.raw if kind is None and recognized.raw is not None else recognized.state,
        model.state_dict(),
        audit,
        kinds=(recognized.kind, kind),
        source=recognized.source,
        left_out=recognized.left_out if kind else None,
        counts=recognized.counts,
        head=head,
        classes=classes,
    )
    audit.require(threshold)
    check_finite(recognized.name, values)
    model.load_state_dict(values, strict=False)
    return audit


def describe(model: nn.Module) -> str:
    """A network in a few words."""
    return f"{type(model).__name__} of {sum(p.numel() for p in model.parameters()) / 1e6:,.1f} M parameters"
