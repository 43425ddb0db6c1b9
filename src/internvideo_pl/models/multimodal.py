"""The multimodal encoder as a person uses it: videos and sentences in one space, captions, zero-shot classes.

Shapes: B videos, L sentences, E embedding width, K classes, P prompts a class.
"""

from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.errors import UserError
from internvideo_pl.heads.caption import CaptionSearchConfig, write_captions
from internvideo_pl.models.model import BATCH, VideoModel
from internvideo_pl.models.reading import Videos
from internvideo_pl.models.recognizer import Guess, best
from internvideo_pl.text.prompts import fill_templates
from internvideo_pl.text.tokenizer import ClipTokenizer

TEXTS = 256  # sentences that pass through the text tower together


class MultimodalModel(VideoModel):
    """InternVideo's multimodal encoder, or CLIP on frames. `encode_video` gives vectors in the sentences' space."""

    network: MultimodalEncoder

    @cached_property
    def tokenizer(self) -> ClipTokenizer:
        """Sentences to ids; needs CLIP's vocabulary file, as `make vocabulary` brings it.

        Raises:
            UserError: The file is not there.
        """
        text = self.network.config.text
        return ClipTokenizer(text.vocab_size, text.context_length)

    def _pooled(self, clip: Tensor) -> Tensor:
        return self.network.encode_video(clip)

    def encode_text(self, texts: list[str] | str, batch_size: int = TEXTS) -> Tensor:
        """Sentences as vectors.

        A sentence longer than the context (77 tokens in released models, start and end included) loses its last words
        and keeps its end token, as in CLIP.

        Args:
            texts: Sentences, or one.
            batch_size: Sentences that pass through the model together.

        Returns:
            float32 (L, E), not normalised; L is 1 for one sentence.

        Raises:
            UserError: There is no sentence, or something else than text.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        if not texts or not all(isinstance(text, str) for text in texts):
            raise UserError("encode_text takes sentences: a string, or a list of at least one.")
        device = self.network.logit_scale.device
        parts = [self.tokenizer(texts[start : start + batch_size]) for start in range(0, len(texts), batch_size)]
        with torch.inference_mode():
            found = [self._finite(self.network.encode_text(ids.to(device))) for ids in parts]
        return torch.cat(found)

    def similarity(self, videos: Videos, texts: list[str] | str, batch_size: int = BATCH) -> Tensor:
        """How well sentences fit videos: cosines times the learned scale, as in CLIP.

        `.softmax(dim=1)` makes probabilities over the sentences of them.

        Args:
            videos: As for `encode_video`.
            texts: As for `encode_text`.
            batch_size: Videos that pass through the model together.

        Returns:
            float32 (B, L).
        """
        sentences = self.encode_text(texts)
        return self._similarity(self.encode_video(videos, batch_size), sentences)

    def caption(  # type: ignore[override]
        self,
        videos: Videos,
        *,
        beams: int = 1,
        max_length: int | None = None,
        length_penalty: float = 0.0,
        batch_size: int = BATCH,
    ) -> list[str]:
        """A sentence for each video.

        Args:
            videos: As for `encode_video`.
            beams: Sentences that are followed at a time; 1 is greedy search.
            max_length: Longest sentence in tokens, start and end included; None for 32 or the context, if shorter.
            length_penalty: See `CaptionSearchConfig`.
            batch_size: Videos that pass through the model together.

        Raises:
            UserError: The model has no caption decoder, or a setting does not fit it.
        """
        if self.network.caption_decoder is None:
            self._cannot("caption")
        if beams < 1:
            raise UserError(f"beams={beams} must be at least 1.")
        length = max_length or min(CaptionSearchConfig.max_length, self.network.config.text.context_length)
        search = CaptionSearchConfig(beams=beams, max_length=length, length_penalty=length_penalty)
        tokenizer, found = self.tokenizer, []
        with torch.inference_mode():
            for clip in self._clips(videos, batch_size):
                found += [tokenizer.decode(ids) for ids in write_captions(self.network, clip, search).ids]
        return found

    def classify(  # type: ignore[override]
        self, videos: Videos, *, classes: list[str], top: int = 5, batch_size: int = BATCH
    ) -> list[list[Guess]]:
        """The likeliest of any classes, without training on them (zero-shot).

        Every name stands in 16 sentences; probabilities are taken for each sentence by itself and then averaged, as in
        InternVideo's zero-shot Kinetics.

        Args:
            videos: As for `encode_video`.
            classes: Names, as words.
            top: Guesses a video, the likeliest first.
            batch_size: Videos that pass through the model together.

        Raises:
            UserError: There is no class.
        """
        if not classes:
            raise UserError("classify needs the names of the classes: classes=[...].")
        prompts = fill_templates(classes)
        sentences = self.encode_text([text for filled in prompts for text in filled])  # (P * K, E)
        scores = self._similarity(self.encode_video(videos, batch_size), sentences)
        return best(scores.unflatten(1, (len(prompts), -1)).softmax(-1).mean(1), classes, top)  # (B, P, K) -> (B, K)

    @torch.no_grad()
    def _similarity(self, videos: Tensor, sentences: Tensor) -> Tensor:
        return self.network.scale().float().cpu() * F.normalize(videos, dim=-1) @ F.normalize(sentences, dim=-1).T
