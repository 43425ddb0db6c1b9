"""An experiment beside its run: written whole, read back equal, and named by a hash of what it computes."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from internvideo_pl.config.document import format_document, read_document
from internvideo_pl.config.experiment import Experiment
from internvideo_pl.config.schema import Schemas, build
from internvideo_pl.errors import UserError
from internvideo_pl.whole_file import write_whole


def save_config(experiment: Experiment, path: Path) -> None:
    """Writes the resolved experiment as YAML; the file is either whole or not there.

    Raises:
        UserError: when the file cannot be written.
    """
    text = f"# {experiment.name}, as it ran: every key, resolved\n" + format_document(dataclasses.asdict(experiment))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}.") from error


def load_resolved(path: Path, *, schemas: Schemas) -> Experiment:
    """Reads what `save_config` wrote; the result equals the experiment that was saved.

    Raises:
        UserError: when the file cannot be read or does not fit the schemas.
    """
    document = read_document(path)
    sources = {key: f"in {document.place(key)}" for key in document.lines}
    return build(Experiment, document.values, schemas, sources)


def config_hash(experiment: Experiment) -> str:
    """Twelve hexadecimal digits that two experiments share exactly when they compute the same.

    The name and every field marked `identity=False` (folders, logging) are left out.
    """
    text = json.dumps(_identity(experiment), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _identity(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = [item for item in dataclasses.fields(value) if item.metadata.get("identity", True)]
        return {item.name: _identity(getattr(value, item.name)) for item in fields}
    if isinstance(value, dict):
        return {str(key): _identity(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_identity(item) for item in value]
    return str(value) if isinstance(value, Path) else value
