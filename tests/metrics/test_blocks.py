"""Blocked retrieval against the figures of the whole matrix."""

import pytest
import torch
from torch import Tensor

from internvideo_pl.errors import UserError
from internvideo_pl.metrics import blocks
from internvideo_pl.metrics.blocks import blocked_figures
from internvideo_pl.metrics.ranking import TIES, figures, similarity

SCALE = 20.0


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "ROWS", 16)
    monkeypatch.setattr(blocks, "COLUMNS", 32)


def features(count: int, kinds: int, seed: int) -> Tensor:
    """Few kinds of features on a coarse grid: many scores are equal, and exactly so in any order of summation."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.tensor(
        [[1.0, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [-1, 1, 1, 1], [1, 1, 1, -1], [-1, -1, 1, 1]]
    )
    return corners[torch.randint(kinds, (count,), generator=generator)]


def whole(text: Tensor, video: Tensor, owner: Tensor | None, ties: str) -> dict[str, float]:
    scores = similarity(text, video, SCALE)
    raw, dual = (figures(scores, owner, way, ties) for way in (False, True))
    return raw | {f"dsl/{name}": value for name, value in dual.items()}


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("count", [1, 16, 32, 77])
@pytest.mark.parametrize("crowded", [True, False])
def test_one_caption_a_video(ties: str, count: int, crowded: bool) -> None:
    generator = torch.Generator().manual_seed(count)
    pair = (features(count, 6, 0), features(count, 6, 1)) if crowded else torch.randn(2, count, 8, generator=generator)
    want = whole(*pair, None, ties)
    got = blocked_figures(*pair, scale=SCALE, ties=ties)
    assert got.keys() == want.keys()
    if crowded:  # dual softmax rounds its equal scores in another order
        got, want = ({name: value for name, value in each.items() if "dsl" not in name} for each in (got, want))
    assert got == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("crowded", [True, False])
def test_several_captions_a_video(ties: str, crowded: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    videos = 45
    owner = torch.cat([torch.arange(videos), torch.randint(videos, (60,), generator=generator), torch.full((40,), 7)])
    owner = owner[torch.randperm(len(owner), generator=generator)]  # 40 and more captions of one video: beyond a block
    if crowded:
        text, video = features(len(owner), 6, 2), features(videos, 6, 3)
    else:
        text = torch.randn(len(owner), 8, generator=generator)
        video = torch.randn(videos, 8, generator=generator)
    want, got = whole(text, video, owner, ties), blocked_figures(text, video, owner, SCALE, ties)
    assert got.keys() == want.keys()
    if crowded:
        got, want = ({name: value for name, value in each.items() if "dsl" not in name} for each in (got, want))
    assert got == pytest.approx(want, abs=1e-9)


def test_videos_without_a_text_only_enlarge_the_gallery() -> None:
    generator = torch.Generator().manual_seed(4)
    text, video = torch.randn(50, 8, generator=generator), torch.randn(200, 8, generator=generator)
    owner = torch.randperm(200, generator=generator)[:50]
    got = blocked_figures(text, video, owner, SCALE)
    scores = similarity(text, video, SCALE)
    rank = (scores > scores[torch.arange(50), owner][:, None]).sum(1)
    assert got["t2v/MeanR"] == pytest.approx(rank.double().mean().item() + 1)
    back = scores[:, owner].T  # the 50 that have a text, by the texts
    rank = (back > back.diagonal()[:, None]).sum(1)
    assert got["v2t/MeanR"] == pytest.approx(rank.double().mean().item() + 1)


def test_a_model_that_scores_everything_alike_is_at_chance() -> None:
    alike = torch.randn(8).expand(100, 8)
    got = blocked_figures(alike, alike, scale=SCALE)
    assert [got[f"{variant}{way}/R@5"] for variant in ("", "dsl/") for way in ("t2v", "v2t")] == pytest.approx([5] * 4)


def test_no_tensor_is_as_large_as_the_matrix() -> None:
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            made = func(*args, **(kwargs or {}))
            largest = max(
                [largest, *(x.numel() for x in torch.utils._pytree.tree_leaves(made) if isinstance(x, Tensor))]
            )
            return made

    with Watch():
        blocked_figures(torch.randn(400, 4), torch.randn(400, 4))
    assert largest <= 400 * 4  # the features themselves; a block has 512 entries, the matrix 160,000


def test_mistakes_are_sentences() -> None:
    with pytest.raises(UserError, match="Did you mean 'compat'"):
        blocked_figures(torch.ones(1, 1), torch.ones(1, 1), ties="compt")
    with pytest.raises(UserError, match="not finite"):
        blocked_figures(torch.full((1, 1), torch.nan), torch.ones(1, 1))
