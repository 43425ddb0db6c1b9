import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.backbones.multimodal_sizes import CAPTION_DECODER, MULTIMODAL, TEXT_TOWER, VIDEO_TOWER
from internvideo_pl.errors import UserError

TINY = MULTIMODAL["tiny"]


def encoder() -> MultimodalEncoder:
    torch.manual_seed(0)
    return MultimodalEncoder(TINY).eval()


def sentences() -> Tensor:
    ids = torch.zeros(3, 32, dtype=torch.int64)
    ids[:, 0] = 1022
    ids[:, 1:4] = torch.tensor([[5, 6, 7], [8, 9, 10], [11, 12, 13]])
    ids[:, 4] = 1023
    return ids


def test_tiny_is_small() -> None:
    assert sum(p.numel() for p in encoder().parameters()) < 2e6


def test_vectors_and_similarity() -> None:
    model = encoder()
    video = torch.randn(2, 3, 4, 48, 48)
    clips, texts = model.encode_video(video), model.encode_text(sentences())
    assert clips.shape == (2, 64)
    assert texts.shape == (3, 64)
    cosine = F.normalize(clips, dim=1) @ F.normalize(texts, dim=1).T
    torch.testing.assert_close(model(video, sentences()), cosine / 0.07)
    features = model.visual(video)
    torch.testing.assert_close(
        clips, F.layer_norm(features.pooled, (96,), model.visual_ln_post.weight) @ model.visual_proj
    )


def test_fresh_encoder_is_the_frame_average_of_clip() -> None:
    """The start that InternVideo calls essential: a clip's vector is the image encoder's, averaged over frames."""
    model = encoder()
    with torch.no_grad():
        model.visual.class_embedding.mul_(10)  # lifts the features' scale far above layer norm's eps
    video = torch.randn(2, 3, 4, 48, 48)
    tower = model.visual
    with torch.no_grad():
        frames = tower(video).tokens.unflatten(1, (4, 37))[:, :, 0]  # class tokens of CLIP's image encoder
        average = model.visual_ln_post(frames.mean(1)) @ model.visual_proj
        torch.testing.assert_close(model.encode_video(video), average, rtol=1e-3, atol=1e-4)
        image = model.visual_ln_post(frames[:, 0]) @ model.visual_proj
        torch.testing.assert_close(model.encode_video(video[:, :, :1]), image, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("start", "kept"), [(-1.0, 0.0), (2.0, 2.0), (9.0, math.log(100))])
def test_temperature_is_held_in_its_range_and_keeps_a_gradient(start: float, kept: float) -> None:
    model = encoder()
    with torch.no_grad():
        model.logit_scale.fill_(start)
    scale = model.scale()
    assert scale.item() == pytest.approx(math.exp(kept), rel=1e-5)
    scale.backward()
    assert model.logit_scale.item() == pytest.approx(kept)
    assert model.logit_scale.grad is not None
    assert model.logit_scale.grad.item() == pytest.approx(math.exp(kept), rel=1e-5)


def test_decoder_of_another_width_is_refused() -> None:
    wrong = replace(TINY, caption=replace(CAPTION_DECODER["tiny"], width=48))
    with pytest.raises(UserError, match="caption decoder's width is 48 but its towers need 96"):
        MultimodalEncoder(wrong)


def test_decoder_is_optional() -> None:
    model = MultimodalEncoder(replace(TINY, caption=None))
    assert model.caption_decoder is None
    assert not any("caption" in name for name in model.state_dict())


def test_tables_agree() -> None:
    assert set(VIDEO_TOWER) >= {"tiny", "base", "large", "large_336"}
    for name, config in MULTIMODAL.items():
        assert config.video == VIDEO_TOWER[name.removesuffix("_6")]
        assert config.text == TEXT_TOWER[name.removesuffix("_6").removesuffix("_336")]
        with torch.device("meta"):
            MultimodalEncoder(config)
