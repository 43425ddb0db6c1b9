"""Supervised recognition: post-pretraining and fine-tuning of any backbone with a classifier."""

from torch import Tensor

from internvideo_pl.data.batch import Batch
from internvideo_pl.metrics.recognition import Recognition as Accuracy
from internvideo_pl.metrics.recognition import chance
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.objectives.supervised import Supervised


class Recognition(VideoModule):
    """Trains a classifier; tests top-1 and top-5 over averaged views."""

    objective: Supervised
    task = "recognition"

    def __init__(self, objective: Supervised, **optimisation):
        super().__init__(objective, **optimisation)
        self.accuracy: Accuracy | None = None

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """{"loss": cross entropy}."""
        return self.objective(self.objective.model.input.prepare(batch.video), batch.label)

    def scores(self, batch: Batch) -> Tensor:
        """Class scores (B, K) before the softmax."""
        return self.objective.model(self.objective.model.input.prepare(batch.video))

    def on_test_epoch_start(self) -> None:
        """Prepares the metric for the size of the test set."""
        data = self.trainer.datamodule
        self.accuracy = Accuracy(len(data.classes), data.split("test").official).to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps each view's class probabilities."""
        if len(batch):
            self.accuracy.update(self.scores(batch), batch.label, batch.index, batch.view)

    def on_test_epoch_end(self) -> None:
        """Averages the views and turns the accuracies into an outcome."""
        metrics = self.accuracy.compute()
        classes = self.accuracy.num_classes
        self.finish(
            Outcome(
                task=self.task,
                metrics=metrics,
                headline="top1",
                chance={"top1": chance(classes), "top5": chance(classes, 5)},
                protocol={"classes": classes, **self.extra_protocol()},
            )
        )

    def extra_protocol(self) -> dict[str, int]:
        """What else must agree for two numbers to be comparable."""
        return {}
