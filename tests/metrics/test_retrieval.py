import pytest
import torch

from internvideo_pl.errors import UserError
from internvideo_pl.metrics.ranking import figures, similarity
from internvideo_pl.metrics.retrieval import Retrieval


def plain(result):
    """The figures of our own tie rule without dual softmax."""
    return {name: value for name, value in result.items() if not name.startswith(("dsl/", "compat/"))}


def features(seed, n, d=8):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_batches_in_any_order_with_repeats_equal_the_whole_set():
    video, text = features(0, 11), features(1, 11)
    metric = Retrieval(embed_dim=8, official=11, scale=20.0)
    for rows in ([7, 3, 10], [0, 1, 2, 4], [5, 6, 8, 9], [0, 1]):  # the last batch is a sampler's padding
        index = torch.tensor(rows)
        metric.update(index, video=video[index], text=text[index])
    result = metric.compute()
    scores = similarity(text, video, 20.0)
    assert plain(result) == pytest.approx(figures(scores))
    dual = {k.removeprefix("dsl/"): v for k, v in result.items() if k.startswith("dsl")}
    assert dual == pytest.approx(figures(scores, dual=True))
    for prefix, dual in (("compat/", False), ("compat/dsl/", True)):
        theirs = {f"{prefix}{name}": value for name, value in figures(scores, dual=dual, ties="compat").items()}
        assert {name: result[name] for name in theirs} == pytest.approx(theirs)
    assert metric.missing == []


def test_missing_videos_are_listed_and_bounded():
    vectors = torch.eye(8)
    metric = Retrieval(embed_dim=8, official=10)
    index = torch.tensor([0, 1, 2, 4, 5, 6, 7, 9])
    metric.update(index, video=vectors, text=vectors)
    metric.update(torch.tensor([3]), text=vectors[:1])  # its video never came
    result = metric.compute()
    assert metric.missing == [3, 8]
    assert result["t2v/R@1"] == 100.0
    assert result["t2v/R@1/low"] == pytest.approx(80.0)
    assert result["t2v/R@1/high"] == pytest.approx(100.0)
    assert "t2v/MedR/low" not in result


def test_several_captions_a_video():
    video, text = features(2, 3), features(3, 6)
    owner = torch.tensor([0, 0, 1, 2, 2, 2])
    metric = Retrieval(embed_dim=8, official=3, official_texts=6)
    metric.update(torch.arange(3), video=video)
    metric.update(torch.tensor([5, 1, 3]), text=text[[5, 1, 3]], owner=owner[[5, 1, 3]])
    metric.update(torch.tensor([0, 2, 4, 5]), text=text[[0, 2, 4, 5]], owner=owner[[0, 2, 4, 5]])
    assert plain(metric.compute()) == pytest.approx(figures(similarity(text, video), owner))


def test_a_missing_video_takes_its_captions_along():
    video, text = features(2, 3), features(3, 6)
    owner = torch.tensor([0, 0, 1, 2, 2, 2])
    metric = Retrieval(embed_dim=8, official=3, official_texts=6)
    metric.update(torch.tensor([0, 2]), video=video[[0, 2]])
    metric.update(torch.arange(6), text=text, owner=owner)
    result = metric.compute()
    keep = owner != 1
    expected = figures(similarity(text[keep], video[[0, 2]]), torch.tensor([0, 0, 1, 1, 1]))
    assert result["v2t/R@1"] == pytest.approx(expected["v2t/R@1"])
    assert result["t2v/R@1/low"] == pytest.approx(expected["t2v/R@1"] * 5 / 6)
    assert result["v2t/R@1/low"] == pytest.approx(expected["v2t/R@1"] * 2 / 3)
    assert metric.missing == [1]


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_nothing_to_rank_is_an_error():
    with pytest.raises(UserError, match="No pair"):
        Retrieval(embed_dim=8, official=4).compute()


@pytest.mark.parametrize("multi", [False, True])
def test_answers_name_the_best_videos_of_queries_from_all_over_the_set(multi):
    video, owner = features(4, 30), torch.arange(30).repeat_interleave(3 if multi else 1)
    text = features(5, len(owner))
    place = torch.arange(len(owner)) % 3 if multi else owner
    metric = Retrieval(embed_dim=8, official=31, official_texts=93 if multi else None)
    keep = owner != 7  # one video is not there
    metric.update(torch.arange(30)[torch.arange(30) != 7], video=video[torch.arange(30) != 7])
    metric.update(place[keep], text=text[keep], owner=owner[keep])
    metric.compute()
    assert len(metric.answers) == 6
    assert (metric.answers[0].owner, metric.answers[-1].owner) == (0, 29)
    for answer in metric.answers:
        row = int(((owner == answer.owner) & (place == answer.text)).nonzero())
        scores = similarity(text[row : row + 1], video)[0]
        scores[7] = -2
        assert list(answer.best) == scores.argsort(descending=True)[:5].tolist()
