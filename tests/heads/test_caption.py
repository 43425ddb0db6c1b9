import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from internvideo_pl.backbones.caption_decoder import CaptionDecoderConfig
from internvideo_pl.backbones.multimodal import MultimodalConfig, MultimodalEncoder
from internvideo_pl.backbones.text_tower import TextTowerConfig
from internvideo_pl.backbones.video_tower import VideoTowerConfig
from internvideo_pl.errors import UserError
from internvideo_pl.heads.caption import CaptionSearchConfig, write_captions

VOCABULARY, START, END = 7, 5, 6
CONFIG = MultimodalConfig(
    video=VideoTowerConfig(size=16, patch=8, width=16, depth=1, heads=2, global_after=(0,), num_frames=2),
    text=TextTowerConfig(width=16, depth=2, heads=2, vocab_size=VOCABULARY, context_length=8),
    embed_dim=8,
    caption=CaptionDecoderConfig(width=16, depth=2, heads=2, vision_width=16, vocab_size=VOCABULARY, queries=4),
)


def encoder(seed: int) -> MultimodalEncoder:
    torch.manual_seed(seed)
    model = MultimodalEncoder(CONFIG).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(std=3.0 if "attn" in name else 0.5)  # the next word depends on all earlier ones
        assert model.caption_decoder is not None
        model.caption_decoder.predictor[-1].bias.zero_()[END] = -1.0  # captions are not over at once
    return model


def slow_logits(model: MultimodalEncoder, video: Tensor, ids: Tensor) -> Tensor:
    """Next-word log probabilities (B, L, V), everything computed anew."""
    assert model.caption_decoder is not None
    with torch.no_grad():
        return model.caption_decoder(model.visual(video).tokens, model.text(ids).tokens).log_softmax(-1)


def slow_greedy(model: MultimodalEncoder, video: Tensor, length: int) -> list[list[int]]:
    captions = []
    for one in video.split(1):
        ids = [START]
        while len(ids) < length and ids[-1] != END:
            ids.append(int(slow_logits(model, one, torch.tensor([ids]))[0, -1].argmax()))
        captions.append(ids)
    return captions


def log_probability(model: MultimodalEncoder, video: Tensor, ids: list[int]) -> float:
    table = slow_logits(model, video, torch.tensor([ids]))[0]
    return sum(float(table[i, word]) for i, word in enumerate(ids[1:]))


def most_likely(model: MultimodalEncoder, video: Tensor, captions: list[list[int]]) -> list[int]:
    """The best of the captions, all scored in one batch (longer padding does not change earlier words)."""
    ids = torch.tensor([caption + [0] * (4 - len(caption)) for caption in captions])
    table = slow_logits(model, video.expand(len(ids), -1, -1, -1, -1), ids)[:, :-1].gather(2, ids[:, 1:, None])[..., 0]
    inside = torch.arange(3) < torch.tensor([[len(caption) - 1] for caption in captions])
    return captions[int((table * inside).sum(1).argmax())]


def up_to_end(row: Tensor) -> list[int]:
    ids = row.tolist()
    return ids[: ids.index(END) + 1] if END in ids else ids


@pytest.mark.parametrize("seed", range(4))
def test_greedy_equals_the_slow_way(seed: int) -> None:
    model, video = encoder(seed), torch.randn(5, 3, 2, 16, 16)
    captions = write_captions(model, video, CaptionSearchConfig(max_length=8))
    want = slow_greedy(model, video, 8)
    assert [up_to_end(row) for row in captions.ids] == want
    for row, score, clip in zip(want, captions.score, video.split(1), strict=True):
        assert score.item() == pytest.approx(log_probability(model, clip, row), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_wide_beams_find_the_best_caption_of_all(seed: int) -> None:
    """With as many beams as there are prefixes, beam search is exhaustive: compare with trying every caption."""
    model, video = encoder(seed), torch.randn(2, 3, 2, 16, 16)
    captions = write_captions(model, video, CaptionSearchConfig(max_length=4, beams=VOCABULARY**2))
    for row, clip in zip(captions.ids, video.split(1), strict=True):
        words = [w for w in range(VOCABULARY) if w != END]
        every = [[START, *middle, END] for n in (0, 1, 2) for middle in itertools.product(words, repeat=n)]
        every += [[START, *three] for three in itertools.product(words, repeat=3)]
        assert up_to_end(row) == most_likely(model, clip, every)


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_the_captions(seed: int) -> None:
    """Beams that change places must take their cached words along."""
    model, video = encoder(seed), torch.randn(6, 3, 2, 16, 16)
    captions = write_captions(model, video, CaptionSearchConfig(max_length=8, beams=5))
    for row, score, clip in zip(captions.ids, captions.score, video.split(1), strict=True):
        assert score.item() == pytest.approx(log_probability(model, clip, up_to_end(row)), rel=1e-3, abs=1e-4)


def test_more_beams_are_never_worse_here() -> None:
    model, video = encoder(0), torch.randn(6, 3, 2, 16, 16)
    scores = [write_captions(model, video, CaptionSearchConfig(max_length=8, beams=s)).score for s in (1, 40)]
    assert (scores[1] >= scores[0] - 1e-5).all()


def test_length_penalty_prefers_longer_captions() -> None:
    model, video = encoder(1), torch.randn(8, 3, 2, 16, 16)
    with torch.no_grad():
        model.caption_decoder.predictor[-1].bias[END] += 4  # short captions become the likely ones
    lengths = [
        sum(
            len(up_to_end(row))
            for row in write_captions(
                model, video, CaptionSearchConfig(max_length=6, beams=20, length_penalty=penalty)
            ).ids
        )
        for penalty in (0.0, 3.0)
    ]
    assert lengths[1] > lengths[0]


def test_after_the_end_there_is_padding() -> None:
    model, video = encoder(2), torch.randn(8, 3, 2, 16, 16)
    ids = write_captions(model, video, CaptionSearchConfig(max_length=8, beams=3)).ids
    assert (ids[:, 0] == START).all()
    for row in ids:
        assert not row[len(up_to_end(row)) :].any()


def test_what_cannot_be_done_is_said() -> None:
    video = torch.randn(1, 3, 2, 16, 16)
    with pytest.raises(UserError, match="choose 2 to 8"):
        write_captions(encoder(0), video, CaptionSearchConfig(max_length=9))
    with pytest.raises(UserError, match="caption decoder"):
        write_captions(MultimodalEncoder(replace(CONFIG, caption=None)), video, CaptionSearchConfig())
