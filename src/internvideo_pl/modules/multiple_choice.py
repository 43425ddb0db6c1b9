"""Multiple choice by similarity: which of a few sentences describes the clip. Trained by alignment, or not at all.

Shapes: B batch, O options, E embedding width.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.data.batch import Batch
from internvideo_pl.metrics.choices import Choices
from internvideo_pl.modules.align import ContrastiveAlignment
from internvideo_pl.modules.base import Outcome


class MultipleChoice(ContrastiveAlignment):
    """Tests text-video similarity on options; training is that of `ContrastiveAlignment`, on the training captions.

    The answer is the option whose cosine with the clip is largest, as in InternVideo's release.
    """

    choices: Choices

    def on_test_epoch_start(self) -> None:
        """Prepares the metric for the size of the test list."""
        self.choices = Choices(self.data.num_options, self.data.split("test").official).to(self.device)  # type: ignore[attr-defined]

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Scores the options of a batch."""
        if len(batch):
            self.choices.update(self.scores(batch), batch.label, batch.index, batch.view)

    def scores(self, batch: Batch) -> Tensor:
        """Scaled cosines of each clip with its own options, (B, O)."""
        encoder = self.objective.encoder
        texts = self.tokenize([option for said in batch.annotations for option in said["options"]])
        options = F.normalize(encoder.encode_text(texts), dim=-1).unflatten(0, (len(batch), -1))  # (B, O, E)
        video = F.normalize(encoder.encode_video(encoder.input.prepare(batch.video)), dim=-1)
        return encoder.scale() * torch.einsum("be,boe->bo", video, options)

    def on_test_epoch_end(self) -> None:
        """Turns the accuracy into an outcome."""
        chance = {"top1": 100 / self.choices.num_options}
        figures = self.choices.compute()
        intervals = self.choices.intervals(self.videos_of_test)
        self.finish(Outcome("multiple_choice", figures, "top1", chance=chance, protocol={}, intervals=intervals))
