"""Weights between runs: what a run leaves behind, and how the next one starts from it or from released weights."""

import re
from dataclasses import replace
from pathlib import Path

from torch import nn

from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.folders import experiments_folder, yaml_names
from internvideo_pl.run.folder import MODEL, latest_done, write_json
from internvideo_pl.run.inputs import INPUTS
from internvideo_pl.weights.audit import Audit
from internvideo_pl.weights.classes import read_rows
from internvideo_pl.weights.combine import averaged, mixed
from internvideo_pl.weights.container import file_of
from internvideo_pl.weights.fit import HEAD
from internvideo_pl.weights.lineage import Lineage, parse_json
from internvideo_pl.weights.load import Recognized, fill, read_model
from internvideo_pl.weights.options import WeightsConfig
from internvideo_pl.weights.released import FILE_SUFFIXES, RELEASED, fetch, is_hub_id
from internvideo_pl.weights.tensor_file import Note, write_tensor_file

AUDIT = "weights.json"  # in a run's folder: what it started from, tensor by tensor
TRAINED = "train"  # the operation that a run is in a history
AVERAGED, MIXED = "average", "mix"  # roles of what is laid over the parent of the role "backbone"


class ParentWeights(dict[str, Path]):
    """The files of weights that a run starts from, by role, and what became of them.

    Args:
        files: By role; `backbone.average.0` and so on, and `backbone.mix`, are laid over the one of `backbone`.
        options: How they are read and put together.
    """

    def __init__(self, files: dict[str, Path], options: WeightsConfig) -> None:
        super().__init__(files)
        self.options = options
        self.audits: dict[str, Audit] = {}
        self.lineages: list[Lineage] = []

    def fill(self, role: str, model: nn.Module, head: bool = True, data: VideoData | None = None) -> None:
        """Puts the weights of a role into a model.

        Args:
            role: A parent's.
            model: Is filled in place.
            head: Whether the model must get its classifier from them.
            data: Whose classes the model tells apart, to choose rows of a classifier of others: by `options.classes`,
                or else by the names that our own files hold.

        Raises:
            UserError: The weights cannot be read, or do not fit the model.
        """
        options = self.options
        weights = self._combined(role)
        rows = self._rows(weights, data)
        if rows is None and data is not None and _other_classes(weights, data):
            weights = _without_classifier(weights, role, head)
        audit = fill(model, weights, head=head, classes=rows, threshold=options.threshold)
        self.audits[role] = audit
        self.lineages.append(weights.lineage)
        if "kind" not in weights.note:  # our own runs' models fit or are an error; what is foreign is shown
            audit.print()

    def report(self, experiment: str, folder: Path) -> None:
        """Writes what was started from into a run's folder: `weights.json` and, as tables, `weights.md`."""
        if self.audits:
            lineage = Lineage(TRAINED, experiment, "", tuple(self.lineages))
            audits = {role: audit.to_dict() for role, audit in self.audits.items()}
            write_json(folder / AUDIT, {"lineage": lineage.to_dict(), "audits": audits})
            tables = "\n".join(audit.to_markdown() for audit in self.audits.values())
            (folder / AUDIT).with_suffix(".md").write_text(tables, encoding="utf-8")

    def _rows(self, weights: Recognized, data: VideoData | None) -> list[int] | None:
        """Row of the weights' classifier for each of the dataset's classes; None for the rule of the release."""
        if self.options.classes:
            return read_rows(self.options.classes, data.classes if data else ())
        if data is None:
            return None
        count = weights.num_classes or 0
        rows = data.rows_in(_classes_of(weights), count)
        return None if rows == list(range(count)) else rows

    def _combined(self, role: str) -> Recognized:
        weights = self._read(self[role])
        others = [self._read(path) for name, path in self.items() if name.startswith(f"{role}.{AVERAGED}.")]
        if others:
            weights = averaged([weights, *others])
        if f"{role}.{MIXED}" in self:
            weights = mixed(weights, self._read(self[f"{role}.{MIXED}"]), self.options.mix_ratio)
        return weights

    def _read(self, path: Path) -> Recognized:
        return read_model(path, self.options.trust, self.options.threshold)


def _classes_of(weights: Recognized) -> list[str] | None:
    """Names of a classifier's classes, where the file holds as many."""
    names = weights.note.get("classes")
    return names if isinstance(names, list) and len(names) == weights.num_classes else None


def _other_classes(weights: Recognized, data: VideoData) -> bool:
    """Whether the weights name their classes, and these are not the dataset's, under whatever names."""
    names = _classes_of(weights)
    return names is not None and names != data.classes and data.rows_in(names, len(names)) != [*range(len(names))]


def _without_classifier(weights: Recognized, role: str, wanted: bool) -> Recognized:
    """The weights without a classifier that would be of other classes under the same numbers.

    Raises:
        UserError: The classifier is wanted.
    """
    if wanted:
        raise UserError(f"parents.{role}: {weights.name} tells other classes apart than this dataset's; name another")
    names = [name for name in weights.state if re.search(HEAD, name)]
    kept = {name: value for name, value in weights.state.items() if name not in names}
    left_out = {**weights.left_out, **dict.fromkeys(names, "a classifier of other classes")}
    return replace(weights, state=kept, left_out=left_out, raw=None)


def find_parents(experiment: Experiment, stages: dict[str, Path]) -> ParentWeights:
    """The files that an experiment starts from; released weights are downloaded when it names them.

    Args:
        experiment: Checked config.
        stages: Folders of the stages that the running pipeline has finished, by experiment.

    Raises:
        UserError: One of them is not there, or others are to be laid over a parent that is not named.
    """
    options = experiment.weights
    names = {role: name for role, name in experiment.parents.items() if role not in INPUTS}
    extras = {f"backbone.{AVERAGED}.{i}": name for i, name in enumerate(options.average)}
    if options.mix is not None:
        extras[f"backbone.{MIXED}"] = options.mix
    if extras and "backbone" not in names:
        raise UserError("weights.average and weights.mix are laid over parents.backbone, which is not named: name it")
    results, mini = experiment.paths.results, experiment.mini
    files = {role: find_parent(name, results, mini, stages) for role, name in (names | extras).items()}
    return ParentWeights(files, options)


def find_parent(parent: str, results: Path, mini: bool, stages: dict[str, Path], download: bool = True) -> Path:
    """The file of weights that a parent stands for.

    Args:
        parent: An experiment's name, a file of weights, a folder with one (such as a run's), the short name of
            released weights, or a hub id ("owner/name[:file]").
        results: Folder of all runs.
        mini: Whether the mini form of the experiment is wanted.
        stages: Folders of the stages that the running pipeline has finished, by experiment.
        download: Whether released weights may be fetched; else they must be in the hub's cache.

    Raises:
        UserError: There is no such file, nor a finished run of such an experiment.
    """
    folder = stages.get(parent) or latest_done(results, parent, mini)
    if folder is not None and (folder / MODEL).is_file():
        return folder / MODEL
    if Path(parent).exists():
        return file_of(Path(parent))
    kinds = {name.split("/")[0] for name in yaml_names(experiments_folder())}
    misspelt = parent.split("/")[0] in kinds  # an experiment's name, which looks like a hub id
    if parent in RELEASED or (is_hub_id(parent) and not misspelt):
        return fetch(parent, download)
    if Path(parent).suffix in FILE_SUFFIXES:
        return file_of(Path(parent))
    again = " MINI=1" if mini else ""
    raise UserError(
        f"this experiment starts from {parent!r}, of which there is no finished run under {results}; "
        f"run `make experiment NAME={parent}{again}` first, or name weights with ARGS=parents.<role>=<file or name>"
    )


def save_model(model: nn.Module, folder: Path, note: Note | None = None) -> Path:
    """Writes a model into a run's folder, with what it is and the history of what the run started from.

    Args:
        model: Its tensors are written.
        folder: The run's.
        note: What the file says of the model; by default the name of its class.
    """
    audit = folder / AUDIT
    started = parse_json(audit.read_text(encoding="utf-8")) if audit.is_file() else None
    lineage = Lineage.from_dict(started["lineage"]) if started else None
    note = {"kind": type(model).__name__} if note is None else note
    return write_tensor_file(model.state_dict(), folder / MODEL, note, lineage)
