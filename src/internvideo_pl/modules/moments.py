"""Moment queries (Ego4D): temporal localisation that is also scored by recall, and the server's file.

Shapes: N clips, P detections, K classes.
"""

from collections import Counter
from typing import Any

import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.moments import MomentRecall
from internvideo_pl.metrics.spans import WINDOWS, constant_windows
from internvideo_pl.metrics.temporal import TemporalDetection, TrueSegments
from internvideo_pl.modules.localization import TemporalLocalization
from internvideo_pl.submissions.ego4d_mq import mq_content, mq_problems
from internvideo_pl.submissions.submission import Submission

RETRIEVAL = "retrieval"  # before the names of the recalls


class MomentLocalization(TemporalLocalization):
    """Trains and tests ActionFormer on moments."""

    task = "ego4d_moment_queries"

    def on_test_epoch_start(self) -> None:
        """Prepares the recall beside the average precision."""
        super().on_test_epoch_start()
        truth = self.videos.truth()
        self.metrics[RETRIEVAL] = MomentRecall(TrueSegments(truth.video, truth.segment, truth.label, len(truth.keys)))
        self.metrics[RETRIEVAL].to(self.device)

    def on_test_epoch_end(self) -> None:
        """The server's file, and the outcome where the list has labels."""
        recall = self.metrics[RETRIEVAL]
        assert isinstance(recall, MomentRecall)
        recall.compute()
        keys, classes = self.videos.truth().keys, self.videos.classes
        lost = set(recall.missing)
        found: dict[str, list[tuple[str, float, float, float]]] = {
            key: [] for number, key in enumerate(keys) if number not in lost
        }
        for (start, end), score, label, video in zip(*recall.found, strict=True):
            found[keys[video]].append((classes[label], start, end, score))
        content = mq_content(found)
        self.submission = Submission(content, tuple(mq_problems(content, keys, set(classes))))
        if len(recall.truth.label):
            super().on_test_epoch_end()

    def chance(self) -> dict[str, float]:
        """The figures of the best answer that looks at no video.

        Every clip gets, of every activity, the five windows, as shares of the clip, that meet most of its moments in
        the training list, with that activity's frequency as the score.
        """
        try:
            trained = [sample.annotation for sample in self.data.split("train").samples]
        except UserError:  # who only evaluates may have no training list
            return {}
        windows, scores, labels = _constant(trained)
        figures: dict[str, float] = {}
        for name, metric in self.metrics.items():
            constant = self._again(metric).to(self.device)
            for index, sample in enumerate(self.data.split("test").samples):
                constant.update(index, windows * (sample.annotation["duration"] or 0.0), scores, labels)
            figures |= {"/".join(filter(None, (name, key))): value for key, value in constant.compute().items()}
        return {name: value for name, value in figures.items() if not name.endswith(("/low", "/high"))}

    @staticmethod
    def _again(metric: TemporalDetection) -> TemporalDetection:
        """A metric of the same kind and truth, without detections."""
        return type(metric)(metric.truth, tuple(metric.thresholds), metric.evaluator, metric.rule, metric.blocked)


def _constant(trained: list[Any]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Windows (K * 5, 2) as shares, scores and classes of what every clip gets."""
    counts = Counter(label for said in trained for label in said["labels"])
    windows, scores, labels = [], [], []
    for label, count in sorted(counts.items()):
        mine = [
            (segment, said["duration"])
            for said in trained
            for segment, which in zip(said["segments"], said["labels"], strict=True)
            if which == label and said["duration"]
        ]
        truth, duration = (torch.tensor(part, dtype=torch.float64) for part in zip(*mine, strict=True))
        windows.append(constant_windows(truth, duration))
        scores += [count / sum(counts.values()) / (1 + place) for place in range(WINDOWS)]
        labels += [label] * WINDOWS
    return torch.cat(windows), torch.tensor(scores, dtype=torch.float64), torch.tensor(labels)
