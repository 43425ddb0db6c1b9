"""Video-language alignment: InternVideo's discriminative half (arXiv 2212.03191, section 3.1)."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.data.batch import Batch
from internvideo_pl.errors import UserError
from internvideo_pl.metrics.ranking import chance
from internvideo_pl.metrics.retrieval import Retrieval
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.objectives.align import Alignment
from internvideo_pl.text.tokenizer import ClipTokenizer

TEXTS_AT_ONCE = 256  # sentences encoded together; a video of MSVD has up to 81
RECALLS = ("dsl/t2v/R@1", "t2v/R@1", "t2v/R@5", "t2v/R@10", "dsl/v2t/R@1", "v2t/R@1", "v2t/R@5", "v2t/R@10")


def tokenizer_of(encoder: MultimodalEncoder) -> ClipTokenizer:
    """The tokenizer of the encoder's vocabulary and context length."""
    config = encoder.config.text
    return ClipTokenizer(config.vocab_size, config.context_length)


class ContrastiveAlignment(VideoModule):
    """Trains video and text towers with matching and captioning; tests text-video retrieval."""

    objective: Alignment
    retrieval: Retrieval

    def __init__(self, objective: Alignment, **optimisation: Any):
        super().__init__(objective, **optimisation)
        self.tokenizer = tokenizer_of(objective.encoder)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """`loss`, `contrastive_loss` and, with a caption decoder, `caption_loss`.

        Where the batch has images beside its videos, theirs are `image_contrastive_loss` and `image_caption_loss`, and
        `loss` is the sum of both batches' (the public release sums every loss). Each batch is compared with itself
        only, and an image is a clip of one frame to the same tower.
        """
        encoder = self.objective.encoder
        losses = self.objective(encoder.input.prepare(batch.video), self.tokenize(batch.text))
        if batch.images is None:
            return losses
        picture = replace(encoder.input, num_frames=1).prepare(batch.images.video)
        image = self.objective(picture, self.tokenize(batch.images.text))
        named = {f"image_{name}": value for name, value in image.items() if name != "loss"}
        return {**losses, **named, "loss": losses["loss"] + image["loss"]}

    def tokenize(self, text: list[str]) -> Tensor:
        """Token ids (B, L) on the module's device."""
        return self.tokenizer(text).to(self.device)

    def on_test_epoch_start(self) -> None:
        """Prepares the metric for the size of the test set.

        Raises:
            UserError: The config wants several views of a video.
        """
        data, encoder, split = self.data, self.objective.encoder, self.data.split("test")
        if data.config.test_views * data.config.test_crops > 1:
            raise UserError("retrieval compares one clip of each video: set data.test_views=1 data.test_crops=1")
        texts = None
        if data.captions == "all":
            texts = sum(len(sample.texts) for sample in split.samples) + split.missing_texts
        scale = float(encoder.scale())
        self.retrieval = Retrieval(encoder.embed_dim, split.official, texts, scale).to(self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Keeps the features of the batch's videos and of their sentences."""
        if not len(batch):
            return
        encoder = self.objective.encoder
        video = encoder.encode_video(encoder.input.prepare(batch.video))
        if self.data.captions != "all":
            self.retrieval.update(batch.index, video, self.encode(batch.text))
            return
        self.retrieval.update(batch.index, video)
        samples = self.data.split("test").samples
        told = [(i, j, text) for i in batch.index.tolist() for j, text in enumerate(samples[i].texts)]
        key = torch.tensor([(i, j) for i, j, _ in told], device=self.device)
        self.retrieval.update(key[:, 1], text=self.encode([text for *_, text in told]), owner=key[:, 0])

    def encode(self, text: list[str]) -> Tensor:
        """Vectors (B, E) of sentences, in parts of `TEXTS_AT_ONCE`."""
        parts = [text[first : first + TEXTS_AT_ONCE] for first in range(0, len(text), TEXTS_AT_ONCE)]
        return torch.cat([self.objective.encoder.encode_text(self.tokenize(part)) for part in parts])

    def on_test_epoch_end(self) -> None:
        """Ranks all pairs and turns the figures into an outcome."""
        figures = self.retrieval.compute()
        guess, captions = chance(self.retrieval.official), self.data.captions
        self.finish(
            Outcome(
                task="retrieval",
                metrics=figures,
                headline="dsl/t2v/R@1",  # the paper's figures are with dual softmax, as its authors say of the release
                chance={name: guess[name.rsplit("/", 1)[1]] for name in RECALLS},
                protocol={"gallery": self.retrieval.official, "captions": captions, "ties": self.retrieval.ties},
                intervals=self.retrieval.intervals,
            )
        )
