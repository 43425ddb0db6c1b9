"""Temporal localisation: a detector trained on features, and its test by a benchmark's evaluators.

Shapes: B batch, C width, T places, P detections of a video.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from internvideo_pl.data.features.batch import FeatureBatch
from internvideo_pl.data.features.grid import to_seconds
from internvideo_pl.data.temporal.module import Evaluation, LocalizationData, Truth
from internvideo_pl.errors import UserError
from internvideo_pl.heads.detect_segments import Detections, name_by_video
from internvideo_pl.metrics.temporal import TemporalDetection, TrueSegments
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.objectives.localize import Localization
from internvideo_pl.objectives.propose import Proposals

Find = Callable[[Any, Tensor, Tensor], list[Detections]]


class TemporalLocalization(VideoModule):
    """Trains ActionFormer or TCANet and tests it.

    Args:
        objective: The losses around the model.
        find: (model, features, mask) -> the detections of each video, in places.
        names: Where the model does not name what it finds: classes of the whole video that each detection takes, from
            scores that another run made; 0 where the model names them itself.
        optimisation: See `VideoModule`.
    """

    objective: Localization | Proposals
    task = "temporal_localization"

    def __init__(self, objective: Localization | Proposals, find: Find, names: int, **optimisation: Any):
        super().__init__(objective, **optimisation)
        self.find = find
        self.names = names
        self.metrics: dict[str, TemporalDetection] = {}

    @property
    def model(self) -> nn.Module:
        """The detector."""
        return self.objective.model

    @property
    def videos(self) -> LocalizationData:
        """The DataModule."""
        assert isinstance(self.data, LocalizationData)
        return self.data

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Of a `FeatureBatch`: {"loss", "classify", "regress"}."""
        self._check_width(batch)
        labels = batch.labels if not self.names else [torch.zeros_like(each) for each in batch.labels]
        return self.objective(batch.features, batch.mask, batch.segments, labels)

    def on_test_epoch_start(self) -> None:
        """Prepares one metric for each way of scoring.

        Raises:
            UserError: The model names nothing, and there are no scores of videos.
        """
        if self.names and self.videos.scores is None:
            raise UserError(
                f"objective.names={self.names} takes classes from scores of whole videos: name those with "
                "ARGS=parents.scores=<experiment or file>, or set objective.names=0 to train a detector that names them"
            )
        truth = self.videos.truth()
        self.metrics = {each.name: _metric(each, truth).to(self.device) for each in self.videos.evaluations()}

    def test_step(self, batch: FeatureBatch, batch_idx: int) -> None:
        """Detects in each video and hands its detections to every metric."""
        if not len(batch):
            return
        self._check_width(batch)
        for row, found in enumerate(self.find(self.model, batch.features, batch.mask)):
            index = int(batch.index[row])
            found = self._named(_timed(found, batch, row), self.videos.split("test").samples[index].key)
            for metric in self.metrics.values():
                metric.update(
                    index,
                    torch.from_numpy(found.segments),
                    torch.from_numpy(found.scores),
                    torch.from_numpy(found.labels),
                )

    def on_test_epoch_end(self) -> None:
        """Turns the metrics into an outcome; the headline's figures have no name before theirs."""
        metrics = {
            "/".join(filter(None, (name, figure))): value
            for name, metric in self.metrics.items()
            for figure, value in metric.compute().items()
        }
        intervals = {
            "/".join(filter(None, (name, figure))): ends
            for name, metric in self.metrics.items()
            for figure, ends in metric.intervals().items()
        }
        protocol = {"classes": len(self.videos.classes), "class_scores": "of the video" if self.names else "own"}
        self.finish(
            Outcome(
                task=self.task,
                metrics=metrics,
                headline="avg_mAP",
                chance=self.chance(),
                protocol=protocol,
                intervals=intervals,
            )
        )

    def chance(self) -> dict[str, float]:
        """What a model that knows nothing gets, where that is known."""
        return {}

    def _named(self, found: Detections, key: str) -> Detections:
        """With the classes of the video, where the model gives none; without any where the video has no scores."""
        if not self.names:
            return found
        assert self.videos.scores is not None
        scores = self.videos.scores.get(key)
        return found if scores is None else name_by_video(found, scores, self.names)

    def _check_width(self, batch: FeatureBatch) -> None:
        width = self.objective.model.width
        if batch.features.shape[1] != width:
            raise UserError(
                f"the features are {batch.features.shape[1]} wide, not backbone.width={width}: set it to theirs"
            )


def _timed(found: Detections, batch: FeatureBatch, row: int) -> Detections:
    """In seconds, inside the video."""
    segments = to_seconds(found.segments, batch.seconds[row]).clip(0, batch.durations[row])
    return Detections(segments, found.scores, found.labels)


def _metric(evaluation: Evaluation, truth: Truth) -> TemporalDetection:
    number = {key: index for index, key in enumerate(truth.keys)}
    return TemporalDetection(
        TrueSegments(truth.video, truth.segment, truth.label, len(truth.keys)),
        evaluation.thresholds,
        evaluation.evaluator,
        blocked=frozenset(number[key] for key in evaluation.blocked if key in number),
    )
