"""Classification with several encoders: coordinated (InternVideo-D and -T), or merely added up.

Shapes: B batch, K classes.
"""

from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor, nn

from internvideo_pl.backbones.coordinate import CoordinatedEncoder
from internvideo_pl.backbones.features import InputSpec, JointInput
from internvideo_pl.heads.classify import Classifier, ClassifyHead

DROPOUT = 0.9  # InternVideo (arXiv 2212.03191), implementation of the interaction; that it sits here is our reading


class CoordinatedClassifier(nn.Module):
    """The coordinated encoders with two classifiers whose logits are summed.

    The classifiers start as copies of the encoders' own. With closed gates, which is how coordination starts, the
    logits in evaluation are exactly the sum of both models'.

    Args:
        backbone: The coordinated encoders.
        multimodal_head: The classifier that the video tower was post-trained with.
        masked_head: The classifier that the masked encoder was post-trained with.
        dropout: Rate in front of both.
    """

    def __init__(
        self,
        backbone: CoordinatedEncoder,
        multimodal_head: ClassifyHead,
        masked_head: ClassifyHead,
        dropout: float = DROPOUT,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.input = backbone.input
        self.multimodal_head = _trainable_copy(multimodal_head, dropout)
        self.masked_head = _trainable_copy(masked_head, dropout)
        if backbone.bridge is not None:
            self._start_from_masked(backbone, masked_head)

    def forward(self, videos: tuple[Tensor, ...]) -> Tensor:
        """Clips as `input.prepare` makes them -> logits (B, K)."""
        features = self.backbone(videos)
        return self.multimodal_head(features.class_token) + self.masked_head(features.pooled)

    def gates(self) -> dict[str, float]:
        """How far each gate is open, tanh of its value in (-1, 1), by the name of its module in the backbone."""
        return self.backbone.gates()

    @torch.no_grad()
    def _start_from_masked(self, backbone: CoordinatedEncoder, masked_head: ClassifyHead) -> None:
        """In the control both classifiers read the masked encoder's feature, so both start from its classifier."""
        assert backbone.bridge is not None
        self.multimodal_head.weight.copy_(backbone.bridge.pull_back(masked_head.weight))
        self.multimodal_head.bias.copy_(masked_head.bias)
        if isinstance(self.multimodal_head.norm, nn.LayerNorm):
            self.multimodal_head.norm.reset_parameters()


def _trainable_copy(head: ClassifyHead, dropout: float) -> ClassifyHead:
    copy = deepcopy(head).requires_grad_(True)
    copy.config = replace(head.config, dropout=dropout)
    return copy


class InternVideoT(nn.Module):
    """InternVideo-T: the coordinated encoders (InternVideo-D), and a second video tower whose logits are added.

    The paper's (table 2): the second tower is a UniFormerV2-L that started from the multimodal pretraining. Ours, as
    the paper is silent: it joins by a sum of logits, stays frozen like the others, and its classifier is trained on.
    In evaluation and with closed gates, the logits are exactly the sum of all three models'.

    Args:
        coordinated: InternVideo-D.
        second: The second tower with the classifier that it was post-trained with; the tower is frozen here, in place.
        dropout: Rate in front of its classifier.
    """

    def __init__(self, coordinated: CoordinatedClassifier, second: Classifier, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.coordinated = coordinated
        self.second = second.backbone.requires_grad_(False)
        self.second_head = _trainable_copy(second.head, dropout)
        self.input = JointInput((*coordinated.input.parts, second.input))
        self.train(self.training)

    def train(self, mode: bool = True) -> "InternVideoT":
        """Training mode for what is trained; the frozen towers stay in evaluation mode."""
        super().train(mode)
        self.second.eval()
        return self

    def forward(self, videos: tuple[Tensor, ...]) -> Tensor:
        """Clips as `input.prepare` makes them -> logits (B, K)."""
        with torch.no_grad():
            pooled = self.second(videos[-1]).pooled
        return self.coordinated(videos[:-1]) + self.second_head(pooled)

    def gates(self) -> dict[str, float]:
        """As `CoordinatedClassifier.gates`."""
        return self.coordinated.gates()


class LogitEnsemble(nn.Module):
    """Models whose logits are summed, with nothing in between: what coordination has to beat.

    Args:
        models: Classifiers of the same classes.
    """

    def __init__(self, models: list[Classifier | CoordinatedClassifier]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)
        self.counts = [len(_specs(model)) for model in models]
        self.input = JointInput(tuple(spec for model in models for spec in _specs(model)))

    def forward(self, videos: tuple[Tensor, ...]) -> Tensor:
        """Clips as `input.prepare` makes them -> logits (B, K)."""
        logits, start = [], 0
        for model, count in zip(self.models, self.counts, strict=True):
            own = videos[start : start + count]
            logits.append(model(own if isinstance(model.input, JointInput) else own[0]))
            start += count
        return torch.stack(logits).sum(dim=0)


def _specs(model: Classifier | CoordinatedClassifier) -> tuple[InputSpec, ...]:
    return model.input.parts if isinstance(model.input, JointInput) else (model.input,)
