"""CLIP's byte-pair tokenizer (arXiv 2103.00020), built from its merges file without any network."""

import gzip
import html
import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from internvideo_pl.text.vocabulary import find_vocabulary

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

VOCABULARY_SIZE, CONTEXT_LENGTH = 49408, 77  # of every released CLIP
START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
# What a vocabulary holds beside its merges: 256 byte symbols, the same at the end of a word, two special tokens.
FIXED_TOKENS = 2 * 256 + 2


class ClipTokenizer:
    """Sentences to ids: lower-cased, cut and padded to one length.

    A vocabulary below 49,408 keeps the first (most frequent) merges: a true, smaller CLIP vocabulary for small models.
    HTML entities are resolved as CLIP does; its repair of broken Unicode (ftfy) is left out.

    Attributes:
        vocab_size: number of ids.
        context_length: ids per sentence, the start and the end token included.
        sot: id of the start token.
        eot: id of the end token, the largest id, so that argmax finds it.
    """

    def __init__(
        self,
        vocab_size: int = VOCABULARY_SIZE,
        context_length: int = CONTEXT_LENGTH,
        bpe: str | os.PathLike | None = None,
    ) -> None:
        """Builds the vocabulary from the gzipped merges file `bpe`, by default the one that `make install` put down.

        Raises:
            UserError: there is no merges file.
        """
        assert FIXED_TOKENS <= vocab_size <= VOCABULARY_SIZE
        assert context_length >= 2
        self.vocab_size = vocab_size
        self.context_length = context_length
        self.sot, self.eot = vocab_size - 2, vocab_size - 1
        self._bpe = Path(bpe) if bpe is not None else find_vocabulary()
        self._tokenizer = _build(self._bpe, vocab_size - FIXED_TOKENS)

    def __call__(self, sentences: list[str]) -> Tensor:
        """int64 (B, context_length): start, words, end, then zeros; a sentence too long loses words, not its end."""
        ids = torch.zeros(len(sentences), self.context_length, dtype=torch.int64)
        for row, words in zip(ids, map(self.encode, sentences), strict=True):
            words = [self.sot, *words[: self.context_length - 2], self.eot]
            row[: len(words)] = torch.tensor(words)
        return ids

    def encode(self, sentence: str) -> list[int]:
        """The ids of one sentence, neither cut nor framed."""
        clean = html.unescape(html.unescape(sentence))  # twice: captions from the web are often escaped twice
        return self._tokenizer(clean, add_special_tokens=False)["input_ids"]

    def decode(self, ids: list[int] | Tensor) -> str:
        """The text of one row of ids up to its end token, start and padding left out."""
        words = ids.tolist() if isinstance(ids, Tensor) else list(ids)
        if self.eot in words:
            words = words[: words.index(self.eot)]
        return str(self._tokenizer.decode([word for word in words if word != self.sot]))

    def __len__(self) -> int:
        return self.vocab_size

    def __reduce__(self) -> tuple:
        # The tokenizer underneath holds a closure; a worker process builds its own from the file (0.1 s).
        return ClipTokenizer, (self.vocab_size, self.context_length, self._bpe)


def _byte_symbols() -> list[str]:
    """One printable symbol for each byte, in CLIP's order: printable Latin-1 first, then stand-ins from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    stand_ins = [256 + n for n in range(256 - len(printable))]
    return [chr(code) for code in printable + stand_ins]


def _build(bpe: Path, num_merges: int) -> "CLIPTokenizer":
    """The vocabulary in CLIP's order (bytes, bytes at a word's end, merges, start, end) as a tokenizer."""
    from transformers import CLIPTokenizer  # a second to import: only who reads text pays it

    with gzip.open(bpe, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")[1 : num_merges + 1]  # the first line names the file's version
    merges: list = [tuple(line.split()) for line in lines]
    symbols = _byte_symbols()
    tokens = [*symbols, *(symbol + WORD_END for symbol in symbols), *map("".join, merges), START, END]
    return CLIPTokenizer(vocab={token: number for number, token in enumerate(tokens)}, merges=merges)
