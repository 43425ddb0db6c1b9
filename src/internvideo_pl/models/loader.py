"""A model by the name of a released one, by path, by hub id, or of a size with fresh weights."""

import os
from dataclasses import replace
from pathlib import Path

import torch

from internvideo_pl.errors import UserError, hint
from internvideo_pl.models.config import ModelConfig, is_note
from internvideo_pl.models.kinds import wrap
from internvideo_pl.models.model import CONFIG, VideoModel
from internvideo_pl.models.saved import download, filled, is_ours, load_saved, placed
from internvideo_pl.models.sizes import SIZES, sized_network
from internvideo_pl.weights.container import file_of
from internvideo_pl.weights.lineage import Lineage
from internvideo_pl.weights.load import build_model, read_model
from internvideo_pl.weights.released import HUB_ID, RELEASED
from internvideo_pl.weights.tensor_file import read_tensor_file


def load(
    name: str | os.PathLike,
    *,
    fresh: bool = False,
    classes: list[str] | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
    revision: str | None = None,
    token: str | None = None,
    trust: bool = False,
) -> VideoModel:
    """A model, ready for use, in evaluation mode.

    Args:
        name: A file of weights or a folder (of a run, of `save_pretrained`); the short name of released weights, which
            are downloaded; "owner/name" on the hub; or, with `fresh`, a size.
        fresh: Build the size `name` with fresh, untrained weights. Never done unless asked for.
        classes: Names of a classifier's classes, in its order. With `fresh` they make a classifier.
        device: Where the model works.
        dtype: Its precision; None leaves float32.
        revision: Branch, tag or commit on the hub.
        token: For private repositories on the hub; None for the one that `hf auth login` stored.
        trust: Whether a legacy file may run the code that is pickled in it; only for files whose maker you trust.

    Raises:
        UserError: There is no such model, its file is damaged, or it does not fit the classes or the device.
    """
    name = os.fspath(name)
    if fresh:
        model = _fresh(name, classes)
    elif Path(name).exists():
        model = _from_path(Path(name), trust)
    elif name in RELEASED:
        model = _recognised(name, trust)
    elif name in SIZES:
        raise UserError(
            f"{name} is a size, not a set of weights: load({name!r}, fresh=True) builds it untrained; released weights "
            f"are {', '.join(RELEASED)}."
        )
    elif HUB_ID.fullmatch(name):
        ours = ":" not in name and is_ours(download(name, CONFIG, revision, token))
        model = load_saved(name, revision=revision, token=token) if ours else _recognised(name, trust)
    else:
        raise UserError(f"there is no file, folder or model {name!r}.{hint(name, [*RELEASED, *SIZES])}")
    if classes is not None:
        model = wrap(model.network, replace(model.config, classes=list(classes)))
    return placed(model, device, dtype)


def _fresh(name: str, classes: list[str] | None) -> VideoModel:
    if name not in SIZES:
        raise UserError(f"there is no size {name!r}.{hint(name, SIZES)}")
    return wrap(sized_network(name, len(classes) if classes else None))


def _from_path(path: Path, trust: bool) -> VideoModel:
    """A saved folder; a file of weights that says itself what it is, such as a run's; or one of anybody's."""
    if is_ours(path / CONFIG):
        return load_saved(path)
    file = file_of(path)
    with file.open("rb") as opened:
        is_tensor_file = opened.read(9)[8:] == b"{"
    state, note = read_tensor_file(file) if is_tensor_file else ({}, {})
    if not is_note(note):
        return _recognised(str(path), trust)
    config = ModelConfig.from_note(note, f"the note in {file}")
    config.lineage = Lineage.of_file(file, config.lineage)
    return filled(config, state, file)


def _recognised(name: str, trust: bool) -> VideoModel:
    """Weights that say nothing of themselves, recognised by the names of their tensors."""
    recognized = read_model(name, trust)
    network = build_model(recognized)
    return wrap(network, replace(ModelConfig.of(network), lineage=recognized.lineage))
