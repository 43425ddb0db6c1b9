"""Weights between runs: what a run leaves behind, and how the next one starts from it."""

import os
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.released_masked import load_pretrained_encoder
from internvideo_pl.backbones.video_tower import VideoTower
from internvideo_pl.errors import UserError
from internvideo_pl.run.folder import MODEL, latest_done


def save_model(model: nn.Module, folder: Path) -> Path:
    """Write a model's state to `model.safetensors` under a temporary name, then rename."""
    path = folder / MODEL
    temporary = path.with_name(path.name + ".tmp")
    save_file({name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}, temporary)
    os.replace(temporary, path)
    return path


def find_parent(parent: str, results: Path, mini: bool, stages: dict[str, Path]) -> Path:
    """The file of weights that a parent stands for.

    Args:
        parent: A .safetensors file, a run's folder, or an experiment's name.
        results: Folder of all runs.
        mini: Whether the mini form of the experiment is wanted.
        stages: Folders of the stages that the running pipeline has finished, by experiment.

    Raises:
        UserError: There is no such file, nor a finished run of such an experiment.
    """
    folder = stages.get(parent) or latest_done(results, parent, mini)
    for path in (folder and folder / MODEL, Path(parent) / MODEL, Path(parent)):
        if path is not None and path.is_file():
            return path
    if parent.endswith(".safetensors") or Path(parent).is_dir():
        raise UserError(f"there are no weights at {parent}: name a .safetensors file or a run's folder with {MODEL}")
    again = " MINI=1" if mini else ""
    raise UserError(
        f"this experiment starts from {parent!r}, of which there is no finished run under {results}; "
        f"run `make experiment NAME={parent}{again}` first, or name a file of weights with ARGS=parents.<role>=<file>"
    )


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a .safetensors file; nothing in it can be executed.

    Raises:
        UserError: The file is damaged or of another kind.
    """
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is not a readable .safetensors file: {error}") from error


def load_backbone(backbone: nn.Module, path: Path) -> None:
    """Fill a backbone from the model of an earlier run, whatever that run trained around it.

    A masked encoder takes the encoder of an autoencoder or of a classifier; a video tower takes the tower of a
    multimodal encoder or of a classifier; everything else must fit name by name.

    Raises:
        UserError: The file holds another kind or size of model.
    """
    state = read_weights(path)
    if isinstance(backbone, MaskedEncoder):
        load_pretrained_encoder(backbone, state)
        return
    if isinstance(backbone, VideoTower):
        state = _under("visual.", state) or _under("backbone.", state)
    load_exactly(backbone, state, path)


def load_exactly(model: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Load a state that must match a model tensor by tensor.

    Raises:
        UserError: Tensors are missing, unknown or of another shape; the first of each kind is named.
    """
    own = model.state_dict()
    missing = [name for name in own if name not in state]
    unknown = [name for name in state if name not in own]
    reshaped = [name for name in own if name in state and own[name].shape != state[name].shape]
    found = {"missing": missing, "unexpected": unknown, "of another shape": reshaped}
    problems = [f"{len(names)} tensors are {what} ({names[0]} first)" for what, names in found.items() if names]
    if problems:
        raise UserError(f"{path} does not fit this {type(model).__name__}: {', '.join(problems)}")
    model.load_state_dict(state)


def _under(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
