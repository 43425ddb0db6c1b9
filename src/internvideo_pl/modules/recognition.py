"""Recognition: what is tested on classes, and supervised training of any backbone with a classifier."""

import csv
import io
from abc import abstractmethod
from itertools import count
from typing import Any

import numpy as np
from torch import Tensor, nn

from internvideo_pl.data.batch import Batch
from internvideo_pl.data.temporal.scores import SCORES, scores_text
from internvideo_pl.metrics.recognition import Recognition as Accuracy
from internvideo_pl.metrics.recognition import chance
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.objectives.supervised import Supervised

# top-5 of fewer than so many classes times 5 says little: its chance is left out, and so its line in tables
TELLING = 10


class RecognitionTest(VideoModule):
    """Tests top-1 and top-5 over averaged views; subclasses say how clips are scored."""

    accuracy: Accuracy
    task = "recognition"

    @abstractmethod
    def scores(self, batch: Batch) -> Tensor:
        """Class scores (B, K) before the softmax."""

    def on_test_epoch_start(self) -> None:
        """Prepares the metric for the size of the test set."""
        self.accuracy = Accuracy(len(self.data.classes), self.data.split("test").official).to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps each view's class probabilities."""
        if len(batch):
            self.accuracy.update(self.scores(batch), batch.label, batch.index, batch.view)

    def on_test_epoch_end(self) -> None:
        """Averages the views and turns the accuracies into an outcome."""
        classes = self.accuracy.num_classes
        self.finish(
            Outcome(
                task=self.task,
                metrics=self.accuracy.compute(),
                headline="top1",
                chance={f"top{k}": chance(classes, k) for k in (1, 5) if k == 1 or TELLING * k <= classes},
                protocol={"classes": classes, **self.extra_protocol()},
                intervals=self.accuracy.intervals(),
                files={"classes.csv": self._class_table(), **self._video_scores()},
            )
        )

    def _video_scores(self) -> dict[str, str]:
        """The class scores of the videos seen, where other tasks read them."""
        if not self.data.keeps_scores or self.accuracy.scored is None:
            return {}
        samples, scores = self.data.split("test").samples, self.accuracy.scored[0].cpu().numpy()
        keys = [samples[index].key for index in self.accuracy.seen]
        return {SCORES: scores_text(keys, scores, self.data.classes)}

    def _class_table(self) -> str:
        """CSV of every class that occurs: its name, number of videos scored, top-1 accuracy in percent."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["class", "videos", "top1"])
        for name, counts, label in zip(self.data.classes, self.accuracy.confusion().tolist(), count(), strict=False):
            if videos := sum(counts):
                writer.writerow([name, videos, round(100 * counts[label] / videos, 4)])
        return text.getvalue()

    def extra_protocol(self) -> dict[str, int]:
        """What else must agree for two numbers to be comparable."""
        return {}


class Recognition(RecognitionTest):
    """Trains a classifier.

    Args:
        objective: Cross entropy around the model; the model's `input` prepares clips.
        optimisation: See `VideoModule`.
    """

    objective: Supervised

    def __init__(self, objective: Supervised, **optimisation: Any):
        super().__init__(objective, **optimisation)

    @property
    def model(self) -> nn.Module:
        """The backbone with its classifier."""
        return self.objective.model

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": cross entropy}, of mixed clips where the objective mixes them; the batch's keys seed the draw."""
        video, share = self.objective.mix(batch.video, np.random.default_rng(batch.keys))
        return self.objective(self._prepared(video), batch.label, share)

    def scores(self, batch: Batch) -> Tensor:
        """The classifier's."""
        return self.model(self._prepared(batch.video))

    def _prepared(self, video: Tensor) -> Tensor | tuple[Tensor, ...]:
        spec: Any = self.model.input
        return spec.prepare(video)
