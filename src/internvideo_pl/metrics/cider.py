"""CIDEr-D: how much a written caption agrees with what several people wrote of the same video.

Source: CIDEr (Vedantam et al., CVPR 2015, arXiv 1411.5726, section "CIDEr-D") as its public code counts it:
- a caption is its n-grams for n = 1 to 4, each weighted by its count in the caption times log(N) - log(max(1, df)),
  where N is the number of videos and df the number of videos with a reference that has it;
- for each n, the candidate's weights are clipped to the reference's, the cosine is taken and multiplied with
  exp(-(difference in length)^2 / (2 sigma^2)), sigma = 6, a caption's length being its number of bigrams;
- the mean over n and over a video's references, times 10.
Words are lower-case runs of letters, digits and apostrophes; the public code splits with a Java tokenizer, which also
takes contractions apart ("don't"), so figures of captions with many of those differ in the second decimal.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

LONGEST = 4  # n of the longest n-gram
SIGMA = 6.0  # words
FACTOR = 10.0
WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")

Gram = tuple[str, ...]
Weights = list[dict[Gram, float]]  # one dict for each n


def words_of(caption: str) -> list[str]:
    """The words of a caption; punctuation and signs are left out."""
    return WORD.findall(caption.lower())


def cider_d(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """The score of every video's caption; the figure of a test set is their mean.

    Papers print it in percent, so that 0.52 is 52.

    Args:
        candidates: One caption a video.
        references: At least one caption of each video by people.

    Returns:
        One number from 0 to 10 a video.
    """
    counted = [[_grams(words_of(said)) for said in own] for own in references]
    seen = Counter(gram for own in counted for gram in {gram for grams in own for gram in grams})
    top = math.log(len(references)) if references else 0.0
    rarity = {gram: top - math.log(count) for gram, count in seen.items()}
    scores = []
    for candidate, own in zip(candidates, counted, strict=True):
        mine = _Weighed(_grams(words_of(candidate)), rarity, top)
        values = [mine.likeness(_Weighed(grams, rarity, top)) for grams in own]
        scores.append(FACTOR * sum(values) / len(values))
    return scores


def _grams(words: list[str]) -> Counter[Gram]:
    return Counter(
        tuple(words[first : first + n]) for n in range(1, LONGEST + 1) for first in range(len(words) - n + 1)
    )


class _Weighed:
    """A caption as weights of its n-grams, their norms and its length.

    Args:
        grams: With their counts.
        rarity: Of the n-grams of references.
        unseen: Rarity of all others.
    """

    def __init__(self, grams: Counter[Gram], rarity: dict[Gram, float], unseen: float) -> None:
        self.weights: Weights = [{} for _ in range(LONGEST)]
        for gram, count in grams.items():
            self.weights[len(gram) - 1][gram] = count * rarity.get(gram, unseen)
        self.norms = [math.sqrt(sum(value * value for value in own.values())) for own in self.weights]
        self.length = sum(count for gram, count in grams.items() if len(gram) == 2)

    def likeness(self, reference: "_Weighed") -> float:
        """Mean over n of the clipped cosine with a reference, less for another length."""
        shorter = math.exp(-((self.length - reference.length) ** 2) / (2 * SIGMA**2))
        total = 0.0
        for mine, theirs, norm, other in zip(self.weights, reference.weights, self.norms, reference.norms, strict=True):
            if norm and other:
                shared = sum(min(value, theirs[gram]) * theirs[gram] for gram, value in mine.items() if gram in theirs)
                total += shared / (norm * other)
        return shorter * total / LONGEST
