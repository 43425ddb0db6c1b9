"""Saved models: read from a folder or the hub, checked against their config, put where they are to work."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch import Tensor

from internvideo_pl.backbones.masked_vit import MaskedViTConfig
from internvideo_pl.errors import UserError
from internvideo_pl.models.config import ModelConfig, is_note
from internvideo_pl.models.kinds import wrap
from internvideo_pl.models.model import CONFIG, WEIGHTS, VideoModel
from internvideo_pl.weights.lineage import parse_json
from internvideo_pl.weights.load import check_finite
from internvideo_pl.weights.tensor_file import read_tensor_file

LARGEST_GRID = 1 << 18  # tokens of a clip; ViT-g on 64 frames of 896 pixels has half as many


def load_saved(
    name: str | os.PathLike,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
    revision: str | None = None,
    token: str | None = None,
) -> VideoModel:
    """The model that `save_pretrained` wrote into a folder, or `push_to_hub` put on the hub; arguments as `load`.

    Raises:
        UserError: There is none, a file is damaged, or config and weights do not belong together.
    """
    name = os.fspath(name)
    at, weights = (_saved_file(name, file, revision, token) for file in (CONFIG, WEIGHTS))
    config = ModelConfig.from_json(at.read_text(encoding="utf-8", errors="replace"), str(at))
    state, _ = read_tensor_file(weights)
    return placed(filled(config, state, weights), device, dtype)


def filled(config: ModelConfig, state: Mapping[str, Tensor], path: Path) -> VideoModel:
    """The model of a config with its tensors.

    Args:
        config: What the file says it is.
        state: The file's tensors.
        path: The file, for errors.

    Raises:
        UserError: They do not belong together, or a value is not finite.
    """
    _check_fit(config, state, path)
    check_finite(str(path), state)
    network = config.build()
    network.load_state_dict(state)
    return wrap(network, config)


def _check_fit(config: ModelConfig, state: Mapping[str, Tensor], path: Path) -> None:
    """Compares the config's network with the tensors before the config's sizes take any time or memory."""
    for part in _parts(config.network):
        if getattr(part, "depth", 0) > len(state):
            raise UserError(f"the config of {path} asks for {part.depth:,} blocks, more than there are tensors.")
        if isinstance(part, MaskedViTConfig) and max(prod(part.grid), prod(part.table_grid)) > LARGEST_GRID:
            raise UserError(f"the config of {path} asks for clips of more than {LARGEST_GRID:,} tokens.")
    try:
        with torch.device("meta"):
            network = config.build()
    except UserError:
        raise
    except Exception as error:  # sizes of unknown origin can fail in any layer, in any way
        raise UserError(f"the config of {path} describes no network: {error}") from error
    own = network.state_dict()
    wrong = [f"{name} is missing" for name in own if name not in state]
    wrong += [f"{name} is unknown" for name in state if name not in own]
    wrong += [
        f"{name} is {tuple(state[name].shape)} instead of {tuple(value.shape)}"
        for name, value in own.items()
        if name in state and state[name].shape != value.shape
    ]
    if wrong:
        raise UserError(f"{path} does not fit its config: {wrong[0]} ({len(wrong)} such tensors).")


def _parts(config: Any) -> Iterator[Any]:
    """Every dataclass in a network's config."""
    if is_dataclass(config):
        yield config
        for item in fields(config):
            yield from _parts(getattr(config, item.name))


def is_ours(config: Path | None) -> bool:
    """Whether a config.json is one of `save_pretrained`; every library calls its own so."""
    return config is not None and config.is_file() and is_note(parse_json(config.read_text(errors="replace")))


def _saved_file(name: str, file: str, revision: str | None, token: str | None) -> Path:
    path = Path(name) / file if Path(name).is_dir() else download(name, file, revision, token)
    if path is None or not path.is_file():
        raise UserError(f"{name} holds no saved model: {file} is missing.")
    return path


def download(repository: str, file: str, revision: str | None, token: str | None) -> Path | None:
    """A file of a hub repository; None where the repository has no such file.

    Raises:
        UserError: The hub cannot be reached, or does not give it.
    """
    try:
        return Path(hf_hub_download(repository, file, revision=revision, token=token))
    except HFValidationError as error:
        raise UserError(f"{repository!r} is neither a folder here nor a hub id, which is owner/name.") from error
    except LocalEntryNotFoundError as error:
        raise UserError(
            f"{repository} is no folder here, and the hub cannot be reached for {file}: go online, or name a folder."
        ) from error
    except EntryNotFoundError:
        return None
    except (HfHubHTTPError, OSError) as error:
        said = str(error).strip().splitlines()[-1][:200]
        raise UserError(f"{repository} is no folder here, and the hub does not give its {file}: {said}") from error


def placed(model: VideoModel, device: str | torch.device, dtype: torch.dtype | None) -> VideoModel:
    """The model on a device, in a precision; None leaves its own.

    Raises:
        UserError: There is no such device.
    """
    try:
        return model.to(device=device, dtype=dtype)
    except (RuntimeError, AssertionError) as error:  # what PyTorch raises for a device that is not there
        raise UserError(f"the model cannot be put on {device}: {str(error).splitlines()[0]}") from error
