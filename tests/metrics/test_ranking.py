import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.ranking import TIES, best_caption, chance, dual_softmax, figures, rank_figures, similarity

GIVEN = Path(__file__).parents[1] / "parity" / "given"

# Rows texts, columns videos. By hand, text to video: text 0 has its video first, text 1 second (0.8 above 0.5), text 2
# first, text 3 last. Video to text: video 0 first; video 1 second (0.6 above 0.5); video 2 second (0.7 above 0.6);
# video 3 third (0.4 and 0.2 above 0.1).
WORKED = torch.tensor(
    [
        [0.9, 0.1, 0.3, 0.2],
        [0.8, 0.5, 0.4, 0.0],
        [0.1, 0.2, 0.6, 0.4],
        [0.3, 0.6, 0.7, 0.1],
    ]
)


def slow_ranks(scores, target):
    """Positions from 0 of the right column, by sorting each row of plain numbers; equal scores keep column order."""
    ranks = []
    for row, column in zip(scores.tolist(), target, strict=True):
        order = sorted(range(len(row)), key=lambda j: -row[j])
        ranks.append(order.index(column))
    return ranks


def slow_figures(ranks):
    recall = {f"R@{k}": 100 * sum(r < k for r in ranks) / len(ranks) for k in (1, 5, 10)}
    return {**recall, "MedR": float(np.median(ranks)) + 1, "MeanR": float(np.mean(ranks)) + 1}


def reference_compat(scores):
    """The released evaluator's rule: every place in the sorted row where the value is that of the diagonal."""
    x = scores.double().numpy()
    places = np.where(np.sort(-x, axis=1) - np.diag(-x)[:, None] == 0)[1]
    return slow_figures(places)


def direction(result, way):
    return {name.removeprefix(f"{way}/"): value for name, value in result.items() if name.startswith(way)}


@pytest.mark.parametrize("ties", TIES)
def test_a_matrix_worked_by_hand(ties):
    result = figures(WORKED, ties=ties)
    assert direction(result, "t2v") == pytest.approx({"R@1": 50, "R@5": 100, "R@10": 100, "MedR": 1.5, "MeanR": 2.0})
    assert direction(result, "v2t") == pytest.approx({"R@1": 25, "R@5": 100, "R@10": 100, "MedR": 2.0, "MeanR": 2.0})


@pytest.mark.parametrize("ties", TIES)
def test_equals_a_slow_sort_without_ties(ties):
    scores = torch.randn(37, 37, generator=torch.Generator().manual_seed(0))
    result = figures(scores, ties=ties)
    assert direction(result, "t2v") == pytest.approx(slow_figures(slow_ranks(scores, range(37))))
    assert direction(result, "v2t") == pytest.approx(slow_figures(slow_ranks(scores.T, range(37))))


def test_ties_worked_by_hand():
    # text 0: its video ties with two others for the first place; text 1: first; text 2: below two that tie
    scores = torch.tensor([[0.5, 0.5, 0.5], [0.0, 1.0, 0.2], [0.7, 0.7, 0.1]])
    expected = direction(figures(scores), "t2v")
    assert expected["R@1"] == pytest.approx(100 * (1 / 3 + 1 + 0) / 3)
    assert expected["MeanR"] == pytest.approx((2 + 1 + 3) / 3)
    pessimistic = direction(figures(scores, ties="pessimistic"), "t2v")
    assert pessimistic["R@1"] == pytest.approx(100 / 3)
    assert pessimistic["MeanR"] == pytest.approx((3 + 1 + 3) / 3)
    compat = direction(figures(scores, ties="compat"), "t2v")  # places 0, 1, 2; 0; 2
    assert compat["R@1"] == pytest.approx(100 * 2 / 5)
    assert compat["MeanR"] == pytest.approx((1 + 2 + 3 + 1 + 3) / 5)


def test_compat_is_the_released_rule_on_many_ties():
    scores = torch.randint(0, 4, (25, 25), generator=torch.Generator().manual_seed(1)).float()
    result = figures(scores, ties="compat")
    assert direction(result, "t2v") == pytest.approx(reference_compat(scores))
    assert direction(result, "v2t") == pytest.approx(reference_compat(scores.T))


@pytest.mark.parametrize("seed", range(5))
def test_positions_of_equal_scores_are_counted_as_if_listed(seed):
    generator = torch.Generator().manual_seed(seed)
    above, equal = (torch.randint(0, high, (30,), generator=generator) for high in (12, 1 + 4 * seed))
    listed = [rank for a, e in zip(above.tolist(), equal.tolist(), strict=True) for rank in range(a, a + e + 1)]
    assert rank_figures(above, equal, None, "compat") == pytest.approx(slow_figures(listed), abs=1e-9)


def test_a_large_test_set_scored_all_alike_has_the_released_figures_too():
    videos = (
        5_000  # 25 million positions: more than a quantile takes, and of a million videos no memory would hold them
    )
    above, equal = torch.zeros(videos, dtype=torch.int64), torch.full((videos,), videos - 1)
    result = rank_figures(above, equal, None, "compat")
    assert result == pytest.approx(chance(videos), abs=1e-9)


def test_a_model_that_scores_all_alike_is_at_chance():
    result = figures(torch.full((20, 20), 0.3))
    assert direction(result, "t2v") == pytest.approx(chance(20))
    assert direction(result, "v2t") == pytest.approx(chance(20))
    assert figures(torch.full((20, 20), 0.3), ties="pessimistic")["t2v/R@10"] == 0.0


def test_chance_is_what_random_scores_get():
    generator = torch.Generator().manual_seed(2)
    runs = [direction(figures(torch.randn(12, 12, generator=generator)), "t2v") for _ in range(400)]
    for name, value in chance(12).items():
        mean, error = np.mean([r[name] for r in runs]), np.std([r[name] for r in runs]) / math.sqrt(400)
        assert abs(mean - value) < 4 * error + 1e-9, name


def test_dual_softmax_is_the_released_one():
    golden = load_file(GIVEN / "retrieval_losses.safetensors")
    scores = golden["in/sim"]  # rows texts, columns videos
    torch.testing.assert_close(dual_softmax(scores), golden["out/dsl_infer_t2v"])
    torch.testing.assert_close(dual_softmax(scores.T), golden["out/dsl_infer_v2t"])


def test_dual_softmax_weighs_each_direction_on_its_own():
    scores = torch.randn(15, 15, generator=torch.Generator().manual_seed(4)) * 3
    result = figures(scores, dual=True)
    t2v = slow_figures(slow_ranks(scores * scores.softmax(0), range(15)))
    v2t = slow_figures(slow_ranks(scores.T * scores.T.softmax(0), range(15)))
    assert direction(result, "t2v") == pytest.approx(t2v)
    assert direction(result, "v2t") == pytest.approx(v2t)
    assert result != figures(scores)


# Three videos with 2, 1 and 3 captions. Text to video by hand: captions 0 right, 1 wrong (second), 2 right, 3 right, 4
# last, 5 right. Best captions (rows: the captions' video): [.9 .6 .2], [.1 .7 .3], [.95 .4 .8]; so video 0 finds .95 of
# video 2 above its own .9, video 1 and video 2 find their own first.
OWNER = torch.tensor([0, 0, 1, 2, 2, 2])
CAPTIONS = torch.tensor(
    [[0.9, 0.2, 0.1], [0.5, 0.6, 0.2], [0.1, 0.7, 0.3], [0.2, 0.4, 0.8], [0.95, 0.3, 0.1], [0.3, 0.2, 0.5]]
)


def test_several_captions_worked_by_hand():
    torch.testing.assert_close(
        best_caption(CAPTIONS, OWNER), torch.tensor([[0.9, 0.6, 0.2], [0.1, 0.7, 0.3], [0.95, 0.4, 0.8]])
    )
    result = figures(CAPTIONS, OWNER)
    assert result["t2v/R@1"] == pytest.approx(100 * 4 / 6)
    assert result["t2v/MeanR"] == pytest.approx((1 + 2 + 1 + 1 + 3 + 1) / 6)
    assert result["v2t/R@1"] == pytest.approx(100 * 2 / 3)
    assert result["v2t/MeanR"] == pytest.approx((2 + 1 + 1) / 3)


def test_several_captions_in_any_order():
    order = torch.randperm(6, generator=torch.Generator().manual_seed(5))
    assert figures(CAPTIONS[order], OWNER[order]) == pytest.approx(figures(CAPTIONS, OWNER))


def test_several_captions_take_the_lower_median_only_in_the_released_variant():
    scores = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.6, 0.4]])  # owners 0, 1, 1, 1: ranks 0, 0, 1, 1
    owner = torch.tensor([0, 1, 1, 1])
    assert figures(scores, owner)["t2v/MedR"] == 1.5
    assert figures(scores, owner, ties="compat")["t2v/MedR"] == 1.0


def test_several_captions_reuse_one_weighted_matrix():
    scores = torch.randn(6, 3, generator=torch.Generator().manual_seed(6)) * 4
    weighted = scores * scores.softmax(0)
    assert figures(scores, OWNER, dual=True) == pytest.approx(figures(weighted, OWNER))


def test_several_captions_compat_keeps_the_order_of_videos_among_equals():
    scores = torch.tensor([[0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]])
    owner = torch.tensor([0, 1, 2])
    assert figures(scores, owner, ties="compat")["t2v/MeanR"] == pytest.approx((1 + 2 + 3) / 3)
    assert figures(scores, owner, ties="compat")["t2v/R@1"] == pytest.approx(100 / 3)


def test_similarity_is_a_scaled_cosine():
    text, video = torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0], [5.0, 0.0]])
    torch.testing.assert_close(similarity(text, video, 10.0), torch.tensor([[8.0, 6.0]]))


def test_wrong_input_is_said_in_a_sentence():
    with pytest.raises(UserError, match="Did you mean 'compat'"):
        figures(WORKED, ties="compatt")
    with pytest.raises(UserError, match="not finite"):
        figures(torch.full((3, 3), torch.nan))
