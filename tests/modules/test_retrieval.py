"""Retrieval as the module tests it: every sentence of a video that has several, videos that are missing."""

from types import SimpleNamespace

import pytest
import torch

from internvideo_pl.backbones.choices import MultimodalChoice
from internvideo_pl.data.batch import Clip, Sample, collate
from internvideo_pl.data.module import Split
from internvideo_pl.errors import UserError
from internvideo_pl.metrics.ranking import figures, similarity
from internvideo_pl.modules import align
from internvideo_pl.modules.align import ContrastiveAlignment
from internvideo_pl.objectives.align import Alignment, AlignmentConfig
from internvideo_pl.optim import OptimizerConfig

SAID = [("a red disc", "a disc"), ("a blue ring",), ("a green square", "a square", "it is green"), ("a white cross",)]


def module(monkeypatch, captions: str, missing_texts: int, views: int = 1) -> ContrastiveAlignment:
    torch.manual_seed(0)
    encoder = MultimodalChoice(size="tiny", num_frames=2, global_dropout=0.0).build()
    made = ContrastiveAlignment(
        Alignment(encoder, AlignmentConfig()), optimizer=OptimizerConfig(lr=1e-3), total_steps=1, global_batch=1
    ).eval()
    split = Split([Sample(f"{i}.mp4", str(i), texts=texts) for i, texts in enumerate(SAID)], ["gone"])
    split.missing_texts = missing_texts
    config = SimpleNamespace(test_views=views, test_crops=1)
    data = SimpleNamespace(captions=captions, config=config, split=lambda _: split, protocol={"split": "test"})
    monkeypatch.setattr(ContrastiveAlignment, "data", property(lambda _: data))
    return made


def batches() -> list:
    generator = torch.Generator().manual_seed(1)
    videos = torch.randint(0, 256, (4, 2, 48, 48, 3), dtype=torch.uint8, generator=generator)
    clips = [Clip(video, i, text=SAID[i][0]) for i, video in enumerate(videos)]
    return [collate([clips[2], clips[0]]), collate([clips[1]]), collate([clips[3], clips[0]])]  # one comes twice


@pytest.mark.parametrize(("captions", "missing_texts"), [("all", 3), ("one a video", 1), ("paragraph", 1)])
def test_the_outcome_is_that_of_the_whole_matrix(monkeypatch, captions, missing_texts):
    monkeypatch.setattr(align, "TEXTS_AT_ONCE", 2)
    made = module(monkeypatch, captions, missing_texts)
    encoder = made.objective.encoder
    with torch.no_grad():
        made.on_test_epoch_start()
        for number, batch in enumerate(batches()):
            made.test_step(batch, number)
        made.on_test_epoch_end()
        video = torch.cat([encoder.encode_video(encoder.input.prepare(b.video)) for b in batches()])[[1, 2, 0, 3]]
        told = [(i, text) for i, texts in enumerate(SAID) for text in (texts if captions == "all" else texts[:1])]
        text = encoder.encode_text(made.tokenize([said for _, said in told]))
        owner = torch.tensor([i for i, _ in told]) if captions == "all" else None
        scores = similarity(text, video, encoder.scale())
    (outcome,) = made.outcomes
    for prefix, dual in (("", False), ("dsl/", True)):
        for name, value in figures(scores, owner, dual).items():
            assert outcome.metrics[prefix + name] == pytest.approx(value), prefix + name
    total = 10 if captions == "all" else 5
    used = 7 if captions == "all" else 4
    assert outcome.metrics["t2v/R@5/low"] == pytest.approx(outcome.metrics["t2v/R@5"] * used / total)
    assert (outcome.used, outcome.official, outcome.missing) == (4, 5, ["gone"])
    assert outcome.protocol == {"split": "test", "gallery": 5, "captions": captions, "ties": "expected"}
    assert outcome.chance["t2v/R@1"] == 20.0


def test_several_views_are_refused(monkeypatch):
    with pytest.raises(UserError, match=r"data.test_views=1"):
        module(monkeypatch, "all", 0, views=3).on_test_epoch_start()


def test_dual_softmax_trains_and_wants_the_whole_matrix():
    torch.manual_seed(0)
    encoder = MultimodalChoice(size="tiny", num_frames=2).build()
    encoder.caption_decoder = None
    plain, dual = (Alignment(encoder, AlignmentConfig(dual_softmax=choice)).eval() for choice in (False, True))
    video, ids = torch.randn(4, 3, 2, 48, 48), torch.tensor([[1022, word, 1023] + [0] * 29 for word in (5, 6, 7, 8)])
    losses = [objective(video, ids)["loss"] for objective in (plain, dual)]
    assert losses[0].item() != losses[1].item()
    losses[1].backward()
    assert encoder.visual_proj.grad.abs().sum() > 0
    with pytest.raises(UserError, match="wants the whole matrix"):
        AlignmentConfig(dual_softmax=True, block=8)
