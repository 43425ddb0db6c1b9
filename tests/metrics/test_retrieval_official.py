"""Retrieval figures beside the official evaluator's steps, written out, on random scores with ties and odd shapes."""

import itertools
import math
import statistics

import pytest
import torch

from internvideo_pl.metrics.blocks import blocked_figures
from internvideo_pl.metrics.ranking import RECALL_AT, figures, similarity


def named(way: str, ranks: list[int], median: float) -> dict[str, float]:
    recall = {f"{way}/R@{k}": 100 * sum(rank < k for rank in ranks) / len(ranks) for k in RECALL_AT}
    return {**recall, f"{way}/MedR": median + 1, f"{way}/MeanR": statistics.mean(ranks) + 1}


def of_diagonal(way: str, scores: list[list[float]]) -> dict[str, float]:
    """Single-caption sets: every place of the sorted row that holds the diagonal's value is a rank."""
    ranks = []
    for i, row in enumerate(scores):
        ranks += [place for place, value in enumerate(sorted(row, reverse=True)) if value == row[i]]
    return named(way, ranks, statistics.median(ranks))


def padded(scores: list[list[float]], owner: list[int], videos: int) -> list[list[list[float]]]:
    """Captions of each video, filled up with rows of minus infinity to the largest number of captions."""
    most = max(owner.count(video) for video in range(videos))
    table = []
    for video in range(videos):
        own = [row for row, who in zip(scores, owner, strict=True) if who == video]
        table.append(own + [[-math.inf] * videos] * (most - len(own)))
    return table


def of_captions(scores: list[list[float]], owner: list[int], videos: int) -> dict[str, float]:
    """Multi-caption sets: ranks by sorting positions twice, padding masked, lower median; best captions back."""
    table = padded(scores, owner, videos)
    ranks = []
    for video, place in itertools.product(range(videos), range(len(table[0]))):
        row = table[video][place]
        if math.isinf(row[video]):
            continue
        first = sorted(range(videos), key=lambda j: -row[j])  # equal scores keep the videos' order
        ranks.append(first.index(video))
    best = [[max(caption[j] for caption in table[i]) for i in range(videos)] for j in range(videos)]
    return {**named("t2v", ranks, statistics.median_low(ranks)), **of_diagonal("v2t", best)}


def scores_of(rows: int, columns: int, kinds: int, seed: int) -> torch.Tensor:
    return torch.randint(kinds, (rows, columns), generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("kinds", [1, 3, 1000])
@pytest.mark.parametrize("count", [1, 2, 11, 24])
@pytest.mark.parametrize("dual", [False, True])
def test_single_captions(count, kinds, dual):
    scores = scores_of(count, count, kinds, count)
    weighed = [x * x.softmax(0) if dual else x for x in (scores, scores.T)]
    want = {**of_diagonal("t2v", weighed[0].tolist()), **of_diagonal("v2t", weighed[1].tolist())}
    assert figures(scores, dual=dual, ties="compat") == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("kinds", [1, 3, 1000])
@pytest.mark.parametrize("counts", [[1], [3], [1, 1, 1], [4, 1, 2, 7], [2, 5, 1, 3, 3, 9, 1, 1, 2, 4, 6, 1, 2]])
@pytest.mark.parametrize("dual", [False, True])
def test_several_captions_of_unequal_number(counts, kinds, dual):
    owner = [video for video, count in enumerate(counts) for _ in range(count)]
    scores = scores_of(len(owner), len(counts), kinds, len(owner))
    weighed = scores * scores.softmax(0) if dual else scores  # once, and used both ways
    want = of_captions(weighed.tolist(), owner, len(counts))
    assert figures(scores, torch.tensor(owner), dual=dual, ties="compat") == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_strict_rules_are_the_mean_the_best_and_the_worst_over_all_orders_of_equal_scores(seed):
    scores = scores_of(4, 4, 2, seed)
    ranks: list[list[int]] = []
    for i, row in enumerate(scores.tolist()):
        orders = itertools.permutations(range(4))
        ranks.append([sorted(order, key=lambda j: -row[j]).index(i) for order in orders])
    found = {rule: figures(scores, ties=rule) for rule in ("expected", "optimistic", "pessimistic")}
    for k in RECALL_AT:
        share = statistics.mean(statistics.mean(rank < k for rank in each) for each in ranks)
        assert found["expected"][f"t2v/R@{k}"] == pytest.approx(100 * share, abs=1e-9)
    for rule, choose in (("optimistic", min), ("pessimistic", max)):
        chosen = [choose(each) for each in ranks]
        want = named("t2v", chosen, statistics.median(chosen))
        assert {name: found[rule][name] for name in want} == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("counts", [None, [4, 1, 2, 7, 3, 1, 1, 5]])
def test_features_in_blocks_give_the_official_figures(counts):
    generator = torch.Generator().manual_seed(0)
    corners = torch.tensor([[1.0, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [-1, 1, 1, 1]])
    owner = None if counts is None else [video for video, count in enumerate(counts) for _ in range(count)]
    videos, texts = (30, 30) if counts is None or owner is None else (len(counts), len(owner))
    video, text = (corners[torch.randint(4, (size,), generator=generator)] for size in (videos, texts))
    plain = similarity(text, video, 20.0).tolist()
    if owner is None:
        want = {**of_diagonal("t2v", plain), **of_diagonal("v2t", torch.tensor(plain).T.tolist())}
    else:
        want = of_captions(plain, owner, videos)
    got = blocked_figures(text, video, None if owner is None else torch.tensor(owner), 20.0, ties="compat")
    assert {name: got[name] for name in want} == pytest.approx(want, abs=1e-9)
