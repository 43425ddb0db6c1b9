"""A question answerer as a person uses it.

Shapes: B videos, K answers.
"""

from functools import cached_property

import torch
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.heads.answer import QuestionAnswerer
from internvideo_pl.models.model import BATCH, VideoModel
from internvideo_pl.models.reading import Videos
from internvideo_pl.models.recognizer import Guess, best
from internvideo_pl.text.tokenizer import ClipTokenizer


class AnswerModel(VideoModel):
    """The multimodal encoder fine-tuned to choose among frequent answers. `encode_video` gives the tower's feature."""

    network: QuestionAnswerer

    @cached_property
    def tokenizer(self) -> ClipTokenizer:
        """As `MultimodalModel.tokenizer`."""
        text = self.network.encoder.config.text
        return ClipTokenizer(text.vocab_size, text.context_length)

    def _pooled(self, clip: Tensor) -> Tensor:
        return self.network.encoder.visual(clip).pooled

    def answer(  # type: ignore[override]
        self, videos: Videos, questions: list[str] | str, *, top: int = 1, batch_size: int = BATCH
    ) -> list[list[Guess]]:
        """The likeliest answers, of those that the model was trained to give.

        Args:
            videos: As for `encode_video`.
            questions: One a video, or one string for all of them.
            top: Answers a video, the likeliest first.
            batch_size: Videos that pass through the model together.

        Raises:
            UserError: A video cannot be read, or there are not as many questions as videos.
        """
        clips, logits, done = self._clips(videos, batch_size), [], 0
        with torch.inference_mode():
            for clip in clips:
                own = [questions] * len(clip) if isinstance(questions, str) else questions[done : done + len(clip)]
                done += len(clip)
                if len(own) != len(clip):
                    raise UserError(
                        f"there are only {len(questions)} questions: give one a video, or one string for all."
                    )
                logits.append(self._finite(self.network(clip, self.tokenizer(own).to(clip.device))))
        if not isinstance(questions, str) and done != len(questions):
            raise UserError(f"there are {len(questions)} questions for {done} videos: give one a video.")
        probabilities = torch.cat(logits).softmax(dim=1)
        return best(probabilities, self.label_names(probabilities.shape[1]), top)
