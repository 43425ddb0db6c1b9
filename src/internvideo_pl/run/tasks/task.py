"""What a task consists of: the words of its objective, what it goes together with, and how its module is built."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.run.weights import ParentWeights
from internvideo_pl.weights.tensor_file import read_tensor_file

Parents = ParentWeights | None  # None builds a model without any, for its shape alone
Build = Callable[[Experiment, VideoData, Parents, dict[str, Any]], VideoModule]


@dataclass(frozen=True)
class Task:
    """One value of `objective.name`.

    Attributes:
        schema: The dataclass of `objective`.
        backbones: Kinds of backbone that it can use.
        build: (experiment, data, parents, optimisation) -> its module, the parents' weights in place. `optimisation`
            holds what `VideoModule` is made with beside its objective.
        roles: Parents that it can start from.
        contrasts: Whether its loss compares the videos of a step with each other.
        recognizes: Whether it is about the classes of one dataset.
    """

    schema: type
    backbones: tuple[type, ...]
    build: Build
    roles: tuple[str, ...] = ("backbone",)
    contrasts: bool = False
    recognizes: bool = False


def start(model: nn.Module, parents: Parents, data: VideoData | None = None) -> None:
    """Puts the weights of parent "backbone" in place, its classifier too where that knows all of the data's classes."""
    if parents and "backbone" in parents:
        parents.fill("backbone", model, head=False, data=data)


def start_trained(model: nn.Module, parents: Parents) -> None:
    """Puts all of parent "trained" in place: the same model, heads included, as an earlier run of the task left it.

    Raises:
        UserError: It is another model.
    """
    if not parents or "trained" not in parents:
        return
    path = parents["trained"]
    state, _ = read_tensor_file(path)
    shapes = [{name: value.shape for name, value in each.items()} for each in (model.state_dict(), state)]
    unlike = sorted(name for name in shapes[0].keys() | shapes[1].keys() if shapes[0].get(name) != shapes[1].get(name))
    if unlike:
        raise UserError(
            f"parents.trained: {path} holds another model, {len(unlike)} tensors differ, {unlike[0]} first: name a run "
            "of this experiment with the same backbone and head"
        )
    model.load_state_dict(state)
