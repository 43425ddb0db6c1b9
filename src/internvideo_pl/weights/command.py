"""`internvideo weights`: audits a file of weights, converts it, and lists the released ones."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from torch import Tensor

from internvideo_pl.errors import UserError, hint
from internvideo_pl.weights.audit import wide_console
from internvideo_pl.weights.classes import read_rows
from internvideo_pl.weights.combine import averaged, mixed, resized, with_classes
from internvideo_pl.weights.load import Recognized, check_finite, open_model, read_model
from internvideo_pl.weights.options import WeightsConfig
from internvideo_pl.weights.recognize import LAYOUTS, RELEASED_NAMES
from internvideo_pl.weights.released import RELEASED
from internvideo_pl.weights.tensor_file import SUFFIX, Note, write_tensor_file

OURS, THEIRS = "ours", "released"


@dataclass(kw_only=True)
class Conversion:
    """What becomes of weights between one file and the next.

    Attributes:
        options: How they are read and put together.
        classes: Classes of the classifier that is written: a number, or a JSON file of rows; None for all.
        frames: Frames of a clip; None for as many as before.
        size: Height and width of a clip in pixels; None for as before.
        names: Whose names the tensors get: "ours", "released" (those of the release that the model belongs to), or a
            layout.
    """

    options: WeightsConfig
    classes: str | None = None
    frames: int | None = None
    size: int | None = None
    names: str = OURS


def convert_file(source: str, target: Path | None, wanted: Conversion, as_json: bool = False) -> None:
    """Audits weights, prints what was found and, where a target is named, writes them there.

    Args:
        source: A file, folder, short name or hub id.
        target: A .safetensors file; None to audit only.
        wanted: What is to be done in between.
        as_json: Whether the audit is printed as JSON.

    Raises:
        UserError: The weights cannot be read or do not fit, or the target cannot be written.
    """
    if target is not None and (target.suffix != SUFFIX or target.is_dir()):
        raise UserError(f"{target} is no name for converted weights: give a file that ends in {SUFFIX}.")
    console = Console(stderr=True)
    with console.status(f"reading {source}"):
        weights = open_model(source, wanted.options.trust)
        audit = weights.audit()
    if as_json:
        print(json.dumps(audit.to_dict() | {"kind": weights.kind, "lineage": weights.lineage.to_dict()}, indent=2))
    else:
        audit.print()
    audit.require(wanted.options.threshold)
    check_finite(weights.name, weights.state)
    with console.status("converting"):
        weights = _changed(weights, wanted)
        if target is not None:
            state, names = _named(weights, wanted.names)
            history = weights.lineage.then("convert", f"{weights.source} to {names}")
            note: Note = {"kind": weights.kind, "network": {key: _plain(part) for key, part in weights.parts.items()}}
            write_tensor_file(state, target, note, history)
    if not as_json:
        print("\n".join(weights.lineage.lines()) + (f"\nwritten to {target}" if target else ""))


def together(weights: Recognized, options: WeightsConfig) -> Recognized:
    """Weights averaged and mixed as asked for.

    Raises:
        UserError: One of the other files cannot be used, or they do not go together.
    """
    if options.average:
        others = [read_model(other, options.trust, options.threshold) for other in options.average]
        weights = averaged([weights, *others])
    if options.mix is not None:
        weights = mixed(weights, read_model(options.mix, options.trust), options.mix_ratio)
    return weights


def print_released(console: Console | None = None) -> None:
    """Draws the table of released weights."""
    table = Table(
        title="Released weights: a name stands wherever a file of weights does", title_justify="left", box=None
    )
    for column in ("name", "size", "million", "trained on", "where"):
        table.add_column(column, justify="right" if column == "million" else "left", no_wrap=column == "name")
    for name, entry in RELEASED.items():
        where = f"{entry.repository}:{entry.files[0]}" if entry.repository else f"by hand: {entry.files[0]}"
        trained = f"{entry.trained_on}; {entry.note}" if entry.note else entry.trained_on
        table.add_row(name, entry.size, f"{entry.millions:.1f}" if entry.millions else "", trained, where)
    wide_console(console).print(table)


def _changed(weights: Recognized, wanted: Conversion) -> Recognized:
    weights = together(weights, wanted.options)
    if wanted.classes is not None:
        rows: Sequence[int] | None = None if wanted.classes.isdigit() else read_rows(Path(wanted.classes))
        weights = with_classes(weights, rows, int(wanted.classes) if rows is None else len(rows))
    if wanted.frames is not None or wanted.size is not None:
        weights = resized(weights, wanted.frames, wanted.size)
    return weights


def _named(weights: Recognized, names: str) -> tuple[dict[str, Tensor], str]:
    """The tensors under the wanted names, and the layout of these."""
    if names == OURS:
        return weights.state, OURS
    if names == THEIRS:
        own = LAYOUTS[weights.source]
        names = weights.source if own.write else RELEASED_NAMES.get(weights.kind, "")
    layout = LAYOUTS.get(names)
    if layout is None or layout.write is None or layout.kind != weights.kind:
        fitting = [name for name, other in LAYOUTS.items() if other.write and other.kind == weights.kind]
        raise UserError(f"a {weights.kind.replace('_', ' ')} has no names {names!r} elsewhere.{hint(names, fitting)}")
    return layout.write(weights.state), names


def _plain(part: object) -> object:
    if isinstance(part, dict):
        return {name: _plain(inner) for name, inner in part.items()}
    return part if isinstance(part, int) else asdict(part)  # type: ignore[call-overload]
