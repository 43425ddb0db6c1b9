"""Accuracies of open-ended answers against loops over dictionaries, the official and the release's definition."""

import math

import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.answers import Answers

KINDS = ("what", "who", "how")


def slow(
    given: list[str], answers: list[str], kinds: list[str], vocabulary: list[str], usual: dict[str, str], official
):
    """Exact match of words, one question after the other, as the datasets' authors count."""
    questions = list(zip(given, answers, kinds, strict=True))
    right = [said == answer for said, answer, _ in questions]
    known = [said == answer for said, answer, _ in questions if answer in vocabulary]
    missing = official - len(questions)
    result = {
        "acc": 100 * sum(right) / len(right),
        "acc_in_vocab": 100 * sum(known) / len(known) if known else math.nan,
        "in_vocab": 100 * len(known) / len(questions),
        "prior": 100 * sum(answer == vocabulary[0] for answer in answers) / len(questions),
        "prior_by_kind": 100 * sum(usual[kind] == answer for _, answer, kind in questions) / len(questions),
        "acc/low": 100 * sum(right) / official,
        "acc/high": 100 * (sum(right) + missing) / official,
    }
    for name in KINDS:
        own = [said == answer for said, answer, kind in questions if kind == name]
        if own:
            result[f"{name}/acc"] = 100 * sum(own) / len(own)
    return result


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("outside", [0.0, 0.3, 1.0])
def test_equals_the_official_definition_question_by_question(seed, outside):
    generator = torch.Generator().manual_seed(seed)
    count, vocabulary = 40, [f"word{n}" for n in range(6)]
    logits = torch.randint(0, 3, (count, 7), generator=generator).float()  # many ties; the last output is "any other"
    label = torch.randint(0, 6, (count,), generator=generator)
    label[torch.rand(count, generator=generator) < outside] = -1
    kind = torch.randint(0, 2, (count,), generator=generator)  # the third kind never occurs
    metric = Answers(official=count + 3, kinds=KINDS, usual=[2, -1, 0])
    order = torch.cat([torch.randperm(count, generator=generator), torch.tensor([0, 7])])  # two come twice
    for rows in order.split(11):
        metric.update(logits[rows], label[rows], kind[rows], rows)
    given = [[*vocabulary, "(other)"][int(row.argmax())] for row in logits]
    answers = [vocabulary[k] if k >= 0 else f"strange{i}" for i, k in enumerate(label.tolist())]
    usual = {"what": "word2", "who": "something no training answer", "how": "word0"}
    expected = slow(given, answers, [KINDS[k] for k in kind], vocabulary, usual, count + 3)
    assert metric.compute() == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_worked_by_hand():
    # Of four questions one is outside the vocabulary, two are right: 2 of 4 officially, 2 of 3 in the release.
    logits = torch.eye(3)[[0, 1, 1, 2]]
    metric = Answers(official=5, kinds=KINDS, usual=[0, 1, 0])
    metric.update(logits, torch.tensor([0, 1, -1, 0]), torch.tensor([0, 1, 1, 2]), torch.arange(4))
    result = metric.compute()
    assert (result["acc"], result["acc_in_vocab"], result["in_vocab"]) == (50.0, pytest.approx(200 / 3), 75.0)
    assert (result["prior"], result["prior_by_kind"]) == (50.0, 75.0)
    assert (result["acc/low"], result["acc/high"]) == (40.0, 60.0)
    assert (result["what/acc"], result["who/acc"], result["how/acc"]) == (100.0, 50.0, 0.0)


def test_the_release_figure_is_the_official_one_over_the_share_that_can_be_answered():
    """The conversion factor of specs for MSVD-QA, 11,983 of 13,157: acc = acc_in_vocab x 0.9108."""
    label = torch.full((13157,), -1)
    label[:11983] = 1
    logits = torch.zeros(13157, 2)
    logits[:6000, 1] = 1
    logits[11983:, 1] = 1  # wrong, whatever is said
    metric = Answers(official=13157, kinds=KINDS, usual=[0, 0, 0])
    metric.update(logits, label, torch.zeros_like(label), torch.arange(13157))
    result = metric.compute()
    assert result["in_vocab"] == pytest.approx(91.08, abs=0.01)
    assert result["acc"] == pytest.approx(result["acc_in_vocab"] * result["in_vocab"] / 100)


def test_nothing_seen_and_no_numbers_are_refused():
    metric = Answers(official=2, kinds=KINDS, usual=[0, 0, 0])
    with pytest.raises(UserError, match="No test question"):
        metric.compute()
    metric.update(torch.tensor([[0.0, math.nan]]), torch.tensor([0]), torch.tensor([0]), torch.tensor([0]))
    with pytest.raises(UserError, match="not finite"):
        metric.compute()
