"""Writing captions: greedy and beam search over the caption decoder, one word at a time.

Shapes: B clips, S beams a clip, L words so far, V vocabulary.
Earlier words' keys and values are kept, so that a word costs one position whatever the length.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from internvideo_pl.backbones.caption_decoder import CaptionState
from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.errors import UserError

PAD = 0  # CLIP's tokenizer pads with 0


@dataclass(kw_only=True)
class CaptionSearchConfig:
    """How captions are searched.

    Attributes:
        beams: S; 1 is greedy search.
        max_length: Longest caption in tokens, start and end tokens included.
        length_penalty: Finished captions are ranked by log probability / tokens ** length_penalty; 0 is the plain
            probability, larger values favour longer captions.
    """

    beams: int = 1
    max_length: int = 32
    length_penalty: float = 0.0


class Captions(NamedTuple):
    """The best caption of each clip.

    Attributes:
        ids: (B, L) int64, from the start token to the end token, then 0.
        score: (B,) log probability of the words after the start token.
    """

    ids: Tensor
    score: Tensor


@torch.no_grad()
def write_captions(encoder: MultimodalEncoder, video: Tensor, config: CaptionSearchConfig) -> Captions:
    """Describes clips. The encoder should be in evaluation mode.

    Start and end token are the vocabulary's last but one and last ids, as in CLIP's.

    Args:
        encoder: With a caption decoder.
        video: (B, 3, T, size, size) normalised clips.
        config: Search settings.

    Raises:
        UserError: There is no caption decoder, or the length does not fit the text tower.
    """
    if encoder.caption_decoder is None:
        raise UserError("Only an encoder with a caption decoder writes captions: build it with one (caption).")
    text = encoder.config.text
    if not 2 <= config.max_length <= text.context_length:
        raise UserError(
            f"A caption of max_length={config.max_length} tokens does not fit: choose 2 to {text.context_length}."
        )
    start, end = text.vocab_size - 2, text.vocab_size - 1
    tokens = encoder.visual(video).tokens
    state = _repeated(encoder.caption_decoder.start(tokens), config.beams)
    ids = torch.full((len(video) * config.beams, 1), start, device=video.device)  # (B*S, 1)
    ended = torch.zeros_like(ids, dtype=torch.bool)
    score = tokens.new_full((len(video), config.beams), float("-inf"))
    score[:, 0] = 0  # all beams start equal: only the first one branches
    silence = tokens.new_full((text.vocab_size,), float("-inf")).index_fill(0, ids.new_tensor([PAD]), 0.0)
    for _ in range(config.max_length - 1):
        words = encoder.next_word(ids[:, -1:], state).log_softmax(dim=-1)  # (B*S, V)
        score, rows, word = _branch(score, torch.where(ended, silence, words))
        ids = torch.cat([ids[rows], word], dim=1)
        ended = ended[rows] | (word == end)
        state.cache.reorder(rows)
        if ended.all():
            break
    return _winners(ids, score, end, config.length_penalty)


def _repeated(state: CaptionState, beams: int) -> CaptionState:
    contexts = [(k.repeat_interleave(beams, 0), v.repeat_interleave(beams, 0)) for k, v in state.contexts]
    return CaptionState(contexts, state.cache)


def _branch(score: Tensor, words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The best S continuations of each clip's S beams.

    Args:
        score: (B, S) log probabilities so far.
        words: (B*S, V) log probabilities of the next word.

    Returns:
        Scores (B, S), the rows (B*S,) that they continue, and their words (B*S, 1).
    """
    clips, beams = score.shape
    total = (score[..., None] + words.unflatten(0, (clips, beams))).flatten(1)  # (B, S*V)
    best, choice = total.topk(beams, dim=1)
    first_row = torch.arange(clips, device=score.device)[:, None] * beams
    vocabulary = words.shape[1]
    return best, (first_row + choice // vocabulary).flatten(), (choice % vocabulary).flatten()[:, None]


def _winners(ids: Tensor, score: Tensor, end: int, length_penalty: float) -> Captions:
    is_end = (ids == end).unflatten(0, score.shape)  # (B, S, L)
    length = torch.where(is_end.any(-1), is_end.int().argmax(-1), ids.shape[1] - 1)  # words after the start token
    winner = (score / length**length_penalty).argmax(dim=1, keepdim=True)  # (B, 1)
    clip = torch.arange(len(score), device=ids.device)[:, None]
    return Captions(ids.unflatten(0, score.shape)[clip, winner][:, 0], score.gather(1, winner)[:, 0])
