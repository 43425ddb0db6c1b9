"""Vision-and-language navigation: a policy over both encoders, which stay as they are."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from internvideo_pl.backbones.choices import FrozenPairChoice
from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.navigation import NavigationConfig
from internvideo_pl.errors import UserError
from internvideo_pl.heads.navigate import NavigateHeadConfig, NavigationAgent
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.navigation import VisionLanguageNavigation
from internvideo_pl.objectives.navigate import Imitation, ImitationConfig
from internvideo_pl.run.tasks.task import Parents, Task
from internvideo_pl.simulators.simulator import DIRECTIONS
from internvideo_pl.weights.tensor_file import read_tensor_file

ENCODERS = ("masked", "multimodal")


@dataclass(kw_only=True)
class Navigate(ImitationConfig):
    """Imitation of an oracle in a simulator; wants a frozen_pair.

    Attributes:
        head: The policy.
    """

    head: NavigateHeadConfig = field(default_factory=NavigateHeadConfig)
    name: Literal["navigate"] = "navigate"


def _navigate(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    choice, objective = experiment.backbone, experiment.objective
    if not isinstance(experiment.data, NavigationConfig):
        raise UserError(f"navigation needs episodes, which data.name={experiment.data.name} has not: take r2r_ce")
    encoders = {"masked": choice.masked.build(), "multimodal": choice.multimodal.build()}
    for role, encoder in encoders.items():
        if parents is None:
            continue
        if role in parents:
            parents.fill(role, encoder, head=False)
        elif not experiment.mini and "agent" not in parents:
            raise UserError(f"a frozen encoder must have learned before: name its weights with parents.{role}=")
    agent = NavigationAgent(
        encoders["masked"], encoders["multimodal"], DIRECTIONS // experiment.data.views, objective.head
    )
    if parents and "agent" in parents:
        _fill(agent, parents["agent"])
    return VisionLanguageNavigation(Imitation(agent, objective), **optimisation)


def _fill(agent: NavigationAgent, path: Path) -> None:
    """Put a trained agent's weights in place: the encoders' and the policy's.

    Raises:
        UserError: The file is another model's, or of another size.
    """
    state, _ = read_tensor_file(path)
    wanted = {name: value.shape for name, value in agent.state_dict().items()}
    unlike = sorted(name for name in wanted.keys() | state.keys() if wanted.get(name) != _shape(state.get(name)))
    if unlike:
        raise UserError(
            f"parents.agent={path} is another model: {len(unlike)} tensors differ, {unlike[0]} first; name a run of "
            "this experiment"
        )
    agent.load_state_dict(state)


def _shape(value: Tensor | None) -> torch.Size | None:
    return None if value is None else value.shape


NAVIGATE = Task(Navigate, (FrozenPairChoice,), _navigate, roles=(*ENCODERS, "agent"))
