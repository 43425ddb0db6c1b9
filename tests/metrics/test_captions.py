"""CIDEr-D against its definition written out, worked examples by hand, and all three figures over processes' rows."""

import math

import numpy as np
import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.captions import Captions, caption_figures
from internvideo_pl.metrics.cider import cider_d, words_of


def slow(candidates: list[list[str]], references: list[list[list[str]]]) -> list[float]:
    """Section by section as the paper defines it: every n-gram of the test set is an axis of a vector."""
    result = []
    for candidate, own in zip(candidates, references, strict=True):
        per_reference = []
        for reference in own:
            value = 0.0
            for n in range(1, 5):
                grams = lambda words, n=n: [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]  # noqa: E731
                axes = sorted(set(grams(candidate)) | set(grams(reference)))
                idf = []
                for gram in axes:
                    df = sum(any(gram in grams(said) for said in others) for others in references)
                    idf.append(math.log(len(references)) - math.log(max(1, df)))
                one = np.array([grams(candidate).count(gram) for gram in axes]) * idf
                two = np.array([grams(reference).count(gram) for gram in axes]) * idf
                norms = np.linalg.norm(one) * np.linalg.norm(two)
                cosine = np.dot(np.minimum(one, two), two) / norms if norms > 0 else 0.0
                bigrams = max(len(candidate) - 1, 0) - max(len(reference) - 1, 0)
                value += cosine * math.exp(-(bigrams**2) / (2 * 6.0**2)) / 4
            per_reference.append(value)
        result.append(10 * sum(per_reference) / len(per_reference))
    return result


@pytest.mark.parametrize("seed", range(6))
def test_cider_d_equals_its_definition_on_random_captions(seed):
    rng = np.random.default_rng(seed)
    draw = lambda: [f"w{k}" for k in rng.integers(6, size=int(rng.integers(0, 9)))]  # noqa: E731  # repeats, empties
    candidates = [draw() for _ in range(7)]
    references = [[draw() for _ in range(int(rng.integers(1, 5)))] for _ in range(7)]
    references[0][0] = candidates[0]
    joined = [" ".join(words) for words in candidates], [[" ".join(words) for words in own] for own in references]
    assert cider_d(*joined) == pytest.approx(slow(candidates, references), abs=1e-9)


def test_worked_by_hand():
    # Two videos, N = 2: idf of words of one video is log 2, of "a", which both have, 0. The first caption is its only
    # reference: cosine 1 for n = 1 and 2, no 3-grams: 10 x (1 + 1) / 4. The second has another noun; "a" is worth 0.
    assert cider_d(["a dog", "a dog"], [["a dog"], ["a cat"]]) == pytest.approx([5.0, 0.0])
    # Four words, one reference equal and one with nothing in common: 10 x (1 + 0) / 2.
    scores = cider_d(["one man rides bikes", "x"], [["one man rides bikes", "two dogs eat"], ["y"]])
    assert scores == pytest.approx([5.0, 0.0])
    # Twice as often as the reference has it does not help (clipping), and two words too many cost exp(-4 / 72).
    cosine = math.sqrt(1 / 9)  # weights 3 against 1 on one axis, clipped to 1: 1 x 1 / (3 x 1)
    assert cider_d(["dog dog dog", "x"], [["dog"], ["y"]])[0] == pytest.approx(10 * cosine * math.exp(-(2**2) / 72) / 4)


def test_a_single_video_has_no_rare_words():
    assert cider_d(["a dog"], [["a dog"]]) == [0.0]  # log(1): every n-gram is in every video


def test_words():
    assert words_of("A man's dog, running... FAST! 2x") == ["a", "man's", "dog", "running", "fast", "2x"]
    assert words_of("") == words_of("🏁 ... \x0b") == []
    assert words_of("سباق سيارات") == ["سباق", "سيارات"]


def test_perfect_captions_get_what_a_perfect_score_is():
    said = ["a red disc moves up now", "two blue rings go left slowly"]
    figures = caption_figures(said, [[text] for text in said])
    assert figures == pytest.approx({"CIDEr-D": 1000.0, "BLEU-4": 100.0, "ROUGE-L": 100.0}, abs=1e-4)


def test_bleu_and_rouge_by_hand():
    # 6 words against 6: 1-grams 5/6, 2-grams 4/5, 3-grams 3/4, 4-grams 2/3; LCS 5 of 6 both ways.
    figures = caption_figures(["the red disc moves up now"], [["the red disc moves up again"]])
    assert figures["BLEU-4"] == pytest.approx(100 * (5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25, abs=1e-3)
    assert figures["ROUGE-L"] == pytest.approx(100 * 5 / 6, abs=1e-3)


def test_captions_are_kept_by_number_and_repeats_count_once():
    vocabulary = {1: "red", 2: "disc", 3: "ring", 9: ""}
    decode = lambda ids: " ".join(vocabulary[int(k)] for k in ids if k)  # noqa: E731
    references = [["red disc"], ["never described"], ["blue disc"]]
    metric = Captions(5, decode, references)
    metric.update(torch.tensor([[1, 3], [1, 2]]), torch.tensor([2, 0]))
    metric.update(torch.tensor([[3, 3, 3]]), torch.tensor([2]))
    assert metric.captions() == {0: "red disc", 2: "red ring"}
    expected = caption_figures(["red disc", "red ring"], [references[0], references[2]])
    assert metric.compute() == expected
    with pytest.raises(UserError, match="No test video"):
        Captions(5, decode, [["x"]]).compute()


@pytest.mark.parametrize("caption", ["un café noir fumant", "كلب يركض في الحديقة", "狗 在 公园 里 跑"])
def test_other_letters_than_a_to_z_are_words_to_all_three(caption):
    exact = caption_figures([caption, "a dog"], [[caption], ["a cat sleeps"]])
    assert exact["ROUGE-L"] == pytest.approx(50 + 50 * 2 * 1 / (2 + 3))
    wrong = caption_figures([caption, "a dog"], [["un cafe"], ["a cat sleeps"]])
    assert wrong["ROUGE-L"] < exact["ROUGE-L"]
    assert wrong["CIDEr-D"] < exact["CIDEr-D"]
