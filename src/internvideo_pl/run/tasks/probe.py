"""Probes of a frozen backbone: a linear classifier on its pooled feature, or an attentive one on its tokens."""

from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn

from internvideo_pl.backbones.choices import MaskedChoice, TowerChoice
from internvideo_pl.config import Experiment
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.heads.attentive import AttentiveClassifier
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.probe import Probing
from internvideo_pl.objectives.supervised import Supervised, SupervisedConfig
from internvideo_pl.run.tasks.task import Parents, Task, start


@dataclass(kw_only=True)
class ProbeHead:
    """The classifier of a probe.

    Attributes:
        kind: "linear" (LayerNorm and linear on the pooled feature) or "attentive" (a learned query over all tokens).
        heads: Attention heads of the attentive one.
    """

    kind: Literal["linear", "attentive"] = "linear"
    heads: int = 16


@dataclass(kw_only=True)
class Probe(SupervisedConfig):
    """A probe of a frozen backbone.

    Attributes:
        head: The classifier.
        cache: Whether features are computed once, of the views that tests read, and kept in `paths.cache`; without it
            clips are read, augmented and encoded in every epoch.
    """

    head: ProbeHead = field(default_factory=ProbeHead)
    cache: bool = True
    name: Literal["probe"] = "probe"


def check_probe(experiment: Experiment) -> None:
    """Refuses what cannot be done to features.

    Raises:
        UserError: Clips are to be augmented or mixed, although they are only read once.
    """
    if not experiment.objective.cache:
        return
    mix = experiment.objective.mix
    if experiment.data.augment.active or mix.mixup > 0 or mix.cutmix > 0:
        raise UserError(
            "cached features are of clips as tests read them, without augmentation or mixing: switch data.augment and "
            "objective.mix off, or set objective.cache=false"
        )


def _probe(experiment: Experiment, data: VideoData, parents: Parents, optimisation: dict[str, Any]) -> VideoModule:
    check_probe(experiment)
    backbone = experiment.backbone.build()
    start(backbone, parents)
    head: ProbeHead = experiment.objective.head
    model: nn.Module
    if head.kind == "linear":
        model = Classifier(backbone, len(data.classes), ClassifyHeadConfig(norm=True, init_scale=1.0))
    else:
        model = AttentiveClassifier(backbone, len(data.classes), head.heads)
    return Probing(Supervised(model, experiment.objective), **optimisation)


PROBE = Task(Probe, (MaskedChoice, TowerChoice), _probe, recognizes=True)
