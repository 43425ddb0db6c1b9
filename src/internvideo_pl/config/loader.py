"""From an experiment's name to a checked `Experiment`: the files over each other, then the overrides."""

import copy
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from internvideo_pl.config.document import Document, Key, read_document
from internvideo_pl.config.experiment import Experiment
from internvideo_pl.config.overrides import apply_overrides
from internvideo_pl.config.schema import Schemas, build
from internvideo_pl.errors import UserError, hint
from internvideo_pl.folders import experiments_folder, require_experiment, yaml_names

_CHECKPOINT, _BACKBONE = ("checkpoint",), ("parents", "backbone")


def load_experiment(
    name: str,
    overrides: Iterable[str] = (),
    mini: bool = False,
    *,
    schemas: Schemas,
    root: Path | None = None,
) -> Experiment:
    """Loads and checks one experiment.

    Args:
        name: Path of its YAML file below `root`, without the suffix.
        overrides: `key=value` and `~key` arguments; they win over every file.
        mini: Whether the `mini` blocks are laid over the rest.
        schemas: The tables from which the sections' dataclasses are picked by `name`.
        root: Folder of the experiments; `experiments/` of the project when not given.

    Raises:
        UserError: for a mistake in the name, a file or an override, with its place and the nearest right thing.
    """
    root = experiments_folder() if root is None else root
    require_experiment(name, root)
    values: dict[str, Any] = {}
    sources: dict[Key, str] = {}
    documents = _lineage(name, root, ())
    for document in documents:
        _lay_over(values, document, (), sources)
    for document in documents if mini else ():
        _lay_over(values, document, ("mini",), sources)
    if isinstance(parents := values.get("parents"), dict):  # a layer can go without a parent by naming it null
        values["parents"] = {role: parent for role, parent in parents.items() if parent is not None}
    overrides = list(overrides)
    _forget_the_other_word(values, {tuple(argument.partition("=")[0].split(".")) for argument in overrides})
    apply_overrides(values, overrides, sources)
    experiment = build(Experiment, {**values, "name": name, "mini": mini}, schemas, sources)
    for stage in experiment.stages:
        require_experiment(stage, root)
    return experiment


def _lineage(name: str, root: Path, children: tuple[str, ...]) -> list[Document]:
    """The file and all its ancestors, each once, in the order in which they are laid over each other."""
    document = read_document(root / f"{name}.yaml")
    if "name" in document.values:
        raise UserError(f"{document.place(('name',))}: leave `name` out, an experiment is called after its file.")
    parents = document.values.get("extends") or []
    where = document.place(("extends",))
    if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
        raise UserError(f"{where}: extends must be a list of names, such as [base/masked], got {parents!r}.")
    found: dict[Path, Document] = {}
    for parent in parents:
        if parent in (*children, name):
            raise UserError(f"{where}: extends goes in a circle: {' -> '.join((*children, name, parent))}.")
        if parent not in yaml_names(root):
            raise UserError(f"{where}: extends names {parent!r}, which is not there.{hint(parent, yaml_names(root))}")
        for ancestor in _lineage(parent, root, (*children, name)):
            found.setdefault(ancestor.path, ancestor)
    return [*found.values(), document]


def _lay_over(values: dict[str, Any], document: Document, block: Key, sources: dict[Key, str]) -> None:
    """Merges a file's body (or, with `block`, its `mini` mapping) into `values`, and notes where each key stands."""
    body: Any = document.values
    for key in block:
        body = body.get(key) or {}
        if not isinstance(body, dict):
            raise UserError(f"{document.place(block)}: {key} must be a mapping of keys to lay over, got {body!r}.")
    body = body if block else {key: value for key, value in body.items() if key not in ("extends", "mini")}
    depth = len(block)
    _forget_the_other_word(values, {path[depth:] for path in document.lines if path[:depth] == block})
    _merge(values, body)
    for path in document.lines:
        if path[:depth] == block and len(path) > depth and path[depth] in body:
            sources[path[depth:]] = f"in {document.place(path)}"


def _forget_the_other_word(values: dict[str, Any], named: Collection[Key]) -> None:
    """`checkpoint` and `parents.backbone` name the same weights: a layer that names one takes the other's earlier away.

    A layer that names both keeps both, which is an error of its own.
    """
    parents = values.get("parents")
    if _CHECKPOINT in named and _BACKBONE not in named and isinstance(parents, dict):
        parents.pop("backbone", None)
    elif _BACKBONE in named and _CHECKPOINT not in named:
        values.pop("checkpoint", None)


def _merge(values: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        mine = values.get(key)
        if isinstance(mine, dict) and isinstance(value, dict):
            _merge(mine, value)
        else:
            values[key] = copy.deepcopy(value)
