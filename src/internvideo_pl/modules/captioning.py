"""Writing captions: the caption decoder fine-tuned by its next-word loss, tested on what it writes by beam search."""

from collections import Counter
from typing import Any

from internvideo_pl.data.batch import Batch
from internvideo_pl.heads.caption import CaptionSearchConfig, write_captions
from internvideo_pl.metrics.captions import Captions, caption_figures
from internvideo_pl.modules.align import ContrastiveAlignment
from internvideo_pl.modules.base import Outcome
from internvideo_pl.objectives.align import Alignment


class Captioning(ContrastiveAlignment):
    """Trains as `ContrastiveAlignment`, with whatever weights; tests the captions that are written.

    Args:
        objective: Encoder, and the weights of matching and captioning.
        search: How captions are searched.
        optimisation: See `VideoModule`.
    """

    written: Captions

    def __init__(self, objective: Alignment, search: CaptionSearchConfig, **optimisation: Any):
        super().__init__(objective, **optimisation)
        self.search = search

    def on_test_epoch_start(self) -> None:
        """Prepares the metric."""
        references = [sample.texts for sample in self.data.split("test").samples]
        self.written = Captions(self.search.max_length, self.tokenizer.decode, references).to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Describes a batch of videos."""
        if len(batch):
            encoder = self.objective.encoder
            found = write_captions(encoder, encoder.input.prepare(batch.video), self.search)
            self.written.update(found.ids, batch.index)

    def on_test_epoch_end(self) -> None:
        """Compares with the references; chance is the most usual training caption for every video."""
        references, figures = self.written.references, self.written.compute()
        counts = Counter(text for sample in self.data.read("train").samples for text in sample.texts)
        chance: dict[str, float] = {}
        if counts:
            usual = counts.most_common(1)[0][0]
            chance = caption_figures([usual] * len(references), references)
        protocol = {"references": "all", "beams": self.search.beams, "words": "lower-case, no punctuation"}
        intervals = self.written.intervals
        self.finish(Outcome("captioning", figures, "CIDEr-D", chance=chance, protocol=protocol, intervals=intervals))
