"""From what a training script saved to the model's own tensors: wrappers, prefixes and everything else is taken off."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from internvideo_pl.errors import UserError
from internvideo_pl.weights.container import tensors_in

# In the order in which VideoMAE's loader looks; then Lightning's, SlowFast's and other common ones.
WRAPPERS = ("model", "module", "state_dict", "model_state", "model_state_dict")
DEEPEST = 3  # wrappers in one another
# First words of names that a training script, DistributedDataParallel or torch.compile puts before all of a model's.
PREFIXES = ("module", "model", "_orig_mod", "objective", "backbone", "encoder", "clip", "video_model")
_TRAINER = "objective."  # our LightningModules keep their model below it, beside the states of metrics


@dataclass
class Named:
    """Tensors by name, and what was left out on the way to them.

    Attributes:
        tensors: By name.
        left_out: Names that were left out, and why.
    """

    tensors: dict[str, Tensor]
    left_out: dict[str, str] = field(default_factory=dict)


def find_state(tree: Any, path: Path) -> Named:
    """The model's tensors in a checkpoint.

    Raises:
        UserError: There are none, or their names are no words.
    """
    named = Named({})
    for _ in range(DEEPEST):
        if isinstance(tree, nn.Module):  # a whole module was pickled, and read because it was trusted
            tree = tree.state_dict()
        inner = next((w for w in WRAPPERS if isinstance(tree, Mapping) and _holds_tensors(tree.get(w))), None)
        if inner is None:
            break
        beside = [key for key in tree if key != inner and isinstance(key, str) and tensors_in(tree[key])]
        named.left_out |= dict.fromkeys(beside, "beside the model: an optimizer, a moving average")
        tree = tree[inner]
    if not isinstance(tree, Mapping) or not _holds_tensors(tree):
        found = (
            f"its keys are {', '.join(map(str, list(tree)[:6]))}" if isinstance(tree, Mapping) else "it is one object"
        )
        raise UserError(f"{path} holds no model's tensors by name: {found[:200]}.")
    for strange in (key for key in tree if not isinstance(key, str)):
        raise UserError(
            f"{path} holds no model: one of its names is {str(strange)[:40]!r}, a {type(strange).__name__}."
        )
    for name, value in tree.items():
        if isinstance(value, Tensor):
            named.tensors[name.replace("_orig_mod.", "")] = value.detach()
        else:
            named.left_out[name] = "no tensor"
    return _without_trainer(named)


def shorter(tensors: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The tensors without the first word of all their names; None when that is no known prefix."""
    words = {name.partition(".")[0] for name in tensors}
    if len(words) != 1 or not words <= set(PREFIXES):
        return None
    return {name.partition(".")[2]: value for name, value in tensors.items()}


def _holds_tensors(value: Any) -> bool:
    if isinstance(value, nn.Module):
        return True
    return isinstance(value, Mapping) and any(
        isinstance(inner, Tensor) or (key in WRAPPERS and _has_tensor(inner)) for key, inner in value.items()
    )


def _has_tensor(value: Any) -> bool:
    return isinstance(value, Mapping) and any(isinstance(inner, Tensor) for inner in value.values())


def _without_trainer(named: Named) -> Named:
    """The model alone, where our own LightningModule was saved with the states of its metrics."""
    inside = [name for name in named.tensors if name.startswith((f"{_TRAINER}model.", f"{_TRAINER}encoder."))]
    if not inside:
        return named
    rest = {name: "the training module's own state" for name in named.tensors if name not in set(inside)}
    tensors = {name.split(".", 2)[2]: named.tensors[name] for name in inside}
    return Named(tensors, named.left_out | rest)
