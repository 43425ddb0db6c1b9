"""Ranking figures of text-video retrieval: R@1, R@5, R@10, median and mean rank, in both directions.

The protocol is that of CLIP4Clip's evaluator, which InternVideo's release copies. Similarities are scaled cosines,
texts as rows and videos as columns. Each set is one of two kinds:

- single-caption (MSR-VTT 1k-A, LSMDC, ActivityNet, DiDeMo): text i belongs to video i;
- multi-caption (MSVD, VATEX): every caption is a query for its video, and a video's similarity to another video's
  captions is the largest over those captions.

What to do with equal scores is a choice, and it is named (`TIES`). Ranks here start at 0; the printed ones at 1.

Shape legend: Q texts (queries), V videos (gallery), D embedding width.
"""

import torch
from torch import Tensor

from internvideo_pl.errors import UserError, hint

RECALL_AT = (1, 5, 10)  # InternVideo, table 6 and its release

# expected:    the mean over all orders of equal scores. A model that scores everything alike lands on chance exactly.
# optimistic:  equal scores come after the right one.
# pessimistic: equal scores come before the right one. The strictest reading.
# compat:      the reference's. Where each query has one rank on the diagonal, every position of a group of equal
#              scores is entered, so there are more ranks than queries; in the caption-to-video direction of a
#              multi-caption set, equal scores stay in the order of the videos (its argsort, on a CPU) and the median
#              is the lower of the middle two.
TIES = ("expected", "optimistic", "pessimistic", "compat")


def chance(gallery: int) -> dict[str, float]:
    """What random scores get among `gallery` items with one right answer: R@K in percent, MedR and MeanR."""
    recall = {f"R@{k}": 100.0 * min(k, gallery) / gallery for k in RECALL_AT}
    return {**recall, "MedR": (gallery + 1) / 2, "MeanR": (gallery + 1) / 2}


def similarity(text: Tensor, video: Tensor, scale: float | Tensor = 1.0) -> Tensor:
    """Scaled cosines of text features (Q, D) and video features (V, D), in float32: (Q, V).

    `scale` is the factor itself (the exponential of CLIP's logit scale). Plain ranks do not depend on it, dual
    softmax does.
    """
    text, video = (torch.nn.functional.normalize(features.float(), dim=-1) for features in (text, video))
    return scale * text @ video.T


def dual_softmax(scores: Tensor) -> Tensor:
    """`scores` (Q, V) weighted by their softmax over the queries of each video (dim 0), as at InternVideo's inference.

    No further temperature: the scores already carry the logit scale. It looks at all queries of the test set at once,
    so a number with it is transductive and has its own protocol.
    """
    return scores * scores.softmax(0)


def figures(
    scores: Tensor, owner: Tensor | None = None, dual: bool = False, ties: str = "expected"
) -> dict[str, float]:
    """All figures of a retrieval table.

    Args:
        scores: (Q, V) scaled similarities.
        owner: int64 (Q,), the video of each text, for a multi-caption set (each video has at least one); None when
            text i belongs to video i.
        dual: apply dual softmax, per direction on a single-caption set; on a multi-caption set the reference weighs
            once, over the texts, and uses the result both ways.
        ties: one of `TIES`.

    Returns:
        `t2v/R@1`, `t2v/R@5`, `t2v/R@10` (percent), `t2v/MedR`, `t2v/MeanR` (from 1), and the same for `v2t`.

    Raises:
        UserError: a score is not finite, or `ties` is unknown.
    """
    if ties not in TIES:
        raise UserError(f"Unknown tie rule {ties!r} for retrieval.{hint(ties, TIES)}")
    if not scores.isfinite().all():
        raise UserError(
            "The retrieval scores are not finite numbers; load a checkpoint from before the model diverged."
        )
    to_video = dual_softmax(scores) if dual else scores
    if owner is None:
        assert scores.shape[0] == scores.shape[1], "a single-caption set has as many texts as videos"
        to_text = dual_softmax(scores.T) if dual else scores.T
        own = torch.arange(len(scores), device=scores.device)
        directions = {"t2v": _of_queries(to_video, own, ties), "v2t": _of_queries(to_text, own, ties)}
    else:
        own = torch.arange(scores.shape[1], device=scores.device)
        by_video = best_caption(to_video, owner).T
        directions = {
            "t2v": _of_queries(to_video, owner, ties, by_argsort=True),
            "v2t": _of_queries(by_video, own, ties),
        }
    return {f"{way}/{name}": value for way, named in directions.items() for name, value in named.items()}


def best_caption(scores: Tensor, owner: Tensor) -> Tensor:
    """The largest score of each video's captions: (Q, V) and owner (Q,) to (V, V), rows being the captions' videos."""
    videos = scores.shape[1]
    assert len(owner.unique()) == videos, "every video of a multi-caption set needs a caption"
    lowest = torch.full((videos, videos), -torch.inf, dtype=scores.dtype, device=scores.device)
    return lowest.scatter_reduce(0, owner[:, None].expand_as(scores), scores, "amax")


def _of_queries(scores: Tensor, target: Tensor, ties: str, by_argsort: bool = False) -> dict[str, float]:
    """R@K, MedR and MeanR of queries (Q, V), each with one right column `target` (Q,)."""
    right = scores.gather(1, target[:, None])  # (Q, 1)
    above = (scores > right).sum(1)
    equal = (scores == right).sum(1) - 1  # others that score the same
    earlier = torch.arange(scores.shape[1], device=scores.device) < target[:, None]  # (Q, V)
    before = ((scores == right) & earlier).sum(1) if by_argsort else None
    return rank_figures(above, equal, before, ties)


def rank_figures(above: Tensor, equal: Tensor, before: Tensor | None, ties: str) -> dict[str, float]:
    """R@K, MedR and MeanR from what was counted for each query.

    Args:
        above: int64 (Q,), items that score above the right one.
        equal: int64 (Q,), other items that score the same.
        before: int64 (Q,), how many of those the reference's argsort leaves before the right one; None where the
            reference enters every position of a group of equal scores instead. Only "compat" reads it.
        ties: One of `TIES`.
    """
    if ties == "expected":
        # the right one stands at each of the `equal` + 1 places equally often
        recall = [((k - above).double() / (equal + 1)).clamp(0, 1).mean().item() for k in RECALL_AT]
        return _named(recall, above + equal / 2)
    if ties in ("optimistic", "pessimistic"):
        rank = above + equal if ties == "pessimistic" else above
    elif before is not None:
        rank = above + before
    else:
        return _entered(above, equal)
    recall = [(rank < k).double().mean().item() for k in RECALL_AT]
    return _named(recall, rank, lower_median=ties == "compat" and before is not None)


def _entered(above: Tensor, equal: Tensor) -> dict[str, float]:
    """The figures of all ranks from `above` to `above` + `equal` of each query (Q,), entered one by one.

    They are counted, not listed: where a model gives all pairs one score there are as many as pairs.
    """
    last = above + equal
    steps = torch.zeros(int(last.max()) + 2, dtype=torch.int64, device=above.device)
    one = torch.ones_like(above)
    count = steps.index_add(0, above, one).index_add(0, last + 1, -one).cumsum(0)  # of each rank
    place = torch.arange(len(count), device=count.device)
    total, upto = count.sum(), count.cumsum(0)
    middle = torch.stack([(total - 1) // 2, total // 2])
    values = {f"R@{k}": 100.0 * (count[:k].sum().double() / total).item() for k in RECALL_AT}
    median = torch.searchsorted(upto, middle, right=True).double().mean().item()
    return {**values, "MedR": median + 1, "MeanR": ((count * place).sum().double() / total).item() + 1}


def _named(recall: list[float], rank: Tensor, lower_median: bool = False) -> dict[str, float]:
    """The table's figures from shares of hits and ranks from 0; a lower median only where the reference takes it."""
    rank = rank.double()
    median = rank.median() if lower_median else rank.quantile(0.5)
    recalls = {f"R@{k}": 100.0 * share for k, share in zip(RECALL_AT, recall, strict=True)}
    return {**recalls, "MedR": median.item() + 1, "MeanR": rank.mean().item() + 1}
