"""The masked encoder and autoencoder: structure, equalities between paths, start values, refusals."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder, MaskedDecoderConfig
from internvideo_pl.backbones.masked_vit import MaskedEncoder, MaskedViTConfig, TubeEmbed
from internvideo_pl.backbones.masks import Masks, sample_tubes
from internvideo_pl.backbones.positions import interpolate_table, sincos_table
from internvideo_pl.backbones.sizes import MASKED_DECODER, MASKED_VIT
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig

SMALL = MaskedViTConfig(width=16, depth=2, heads=2, patch_size=4, image_size=16, num_frames=4)
DECODER = MaskedDecoderConfig(width=8, heads=2, depth=1)


def encoder(**changes):
    torch.manual_seed(0)
    return MaskedEncoder(replace(SMALL, **changes))


def autoencoder(**changes):
    return MaskedAutoencoder(encoder(pooling="tokens", **changes), DECODER)


def clips(batch=2, config=SMALL):
    torch.manual_seed(1)
    return torch.randn(batch, 3, config.num_frames, config.image_size, config.image_size)


def test_tubes_are_embedded_as_a_convolution_would():
    embed, video = TubeEmbed(SMALL).double(), clips().double()
    convolved = F.conv3d(video, embed.proj.weight, embed.proj.bias, stride=embed.tube).flatten(2).transpose(1, 2)
    assert_close(embed(video), convolved)
    visible = torch.stack([torch.randperm(32)[:5] for _ in range(2)])
    expected = torch.stack([convolved[b, visible[b]] for b in range(2)])
    assert_close(embed(video, visible), expected)


def test_all_tokens_visible_is_the_full_pass():
    model, video = encoder(pooling="tokens"), clips()
    everything = torch.arange(32).expand(2, -1)
    assert_close(model.encode_visible(video, everything), model(video).tokens)


def test_hidden_pixels_cannot_be_seen():
    model, video = autoencoder(), clips()
    masks = sample_tubes(2, SMALL.grid, 0.75, "cpu")
    hidden = masks.hidden(32).view(2, 1, *SMALL.grid)
    for axis, repeats in ((2, 2), (3, 4), (4, 4)):
        hidden = hidden.repeat_interleave(repeats, dim=axis)
    assert torch.equal(model(video, masks), model(torch.where(hidden, 100.0, video), masks))


def test_the_decoder_sees_visible_tokens_first_and_predicts_in_mask_order():
    model, video = autoencoder(), clips(1)
    nn.init.normal_(model.mask_token)
    masks = sample_tubes(1, SMALL.grid, 0.5, "cpu")
    order = torch.randperm(masks.predicted.shape[1])
    shuffled = Masks(masks.visible, masks.predicted[:, order])
    assert_close(model(video, shuffled), model(video, masks)[:, order])


def test_poolings():
    video = clips()
    mean = encoder(pooling="mean")
    features = mean(video)
    assert isinstance(mean.norm, nn.Identity)
    assert_close(features.pooled, F.layer_norm(features.tokens.mean(1), (16,), eps=1e-6))
    assert features.grid == (2, 4, 4)
    first = encoder(pooling="first")(video)
    assert torch.equal(first.pooled, first.tokens[:, 0])
    tokens = encoder(pooling="tokens")(video)
    assert_close(tokens.tokens.mean(-1), torch.zeros(2, 32), atol=1e-5, rtol=0)
    assert_close(tokens.pooled, tokens.tokens.mean(1))


def test_every_parameter_gets_a_finite_gradient():
    model = autoencoder(layer_scale=0.1, drop_path=0.1).eval()
    model(clips(), sample_tubes(2, SMALL.grid, 0.75, "cpu")).square().mean().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []
    classifier = Classifier(encoder(), 3, ClassifyHeadConfig(init_scale=1.0))
    classifier(clips()).square().mean().backward()
    assert [name for name, p in classifier.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_recomputation_gives_the_same_gradients():
    plain, recomputed = autoencoder(), autoencoder(checkpointing=True)
    recomputed.load_state_dict(plain.state_dict())
    masks = sample_tubes(2, SMALL.grid, 0.5, "cpu")
    for model in (plain, recomputed):
        model(clips(), masks).square().mean().backward()
    for one, other in zip(plain.parameters(), recomputed.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


def test_no_position_is_a_parameter_or_saved():
    model = autoencoder()
    assert not [name for name in model.state_dict() if "pos" in name]
    assert not [name for name, _ in model.named_parameters() if "pos" in name]


@pytest.mark.parametrize(("size", "frames"), [(32, 4), (16, 8), (24, 2)])
def test_another_clip_interpolates_the_released_table(size, frames):
    model = encoder(image_size=size, num_frames=frames, table_size=16, table_frames=4)
    expected = interpolate_table(sincos_table(32, 16), (2, 4, 4), (frames // 2, size // 4, size // 4))
    assert torch.equal(model.positions, expected)
    assert model(clips(config=model.config)).tokens.shape == (2, frames // 2 * (size // 4) ** 2, 16)


def test_start_values():
    pretraining = encoder(pooling="tokens", width=64, heads=2)
    weight = pretraining.blocks[0].attn.qkv.weight  # Xavier over the whole (3 D, D) matrix
    assert weight.abs().max() <= (6 / (64 + 192)) ** 0.5
    assert weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.05)
    finetuning = encoder(width=64, heads=2).blocks[0].attn.qkv.weight
    assert finetuning.std().item() == pytest.approx(0.02, rel=0.05)
    for name, param in pretraining.named_parameters():
        if name.startswith("blocks") and name.endswith("bias"):
            assert not param.any(), name
    token = autoencoder().mask_token
    assert 0 < token.abs().max() <= 0.02


def test_double_and_half_precision():
    model, masks = autoencoder(), sample_tubes(2, SMALL.grid, 0.75, "cpu")
    single = model(clips(), masks)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(clips(), masks)
    assert half.dtype == torch.bfloat16
    assert_close(half.float(), single, rtol=0.1, atol=0.05)
    double = model.double()(clips().double(), masks)
    assert double.dtype == torch.float64
    assert_close(double.float(), single, rtol=1e-4, atol=1e-4)


def test_no_graph_break_under_compile():
    model, masks = autoencoder(), sample_tubes(2, SMALL.grid, 0.75, "cpu")
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert_close(compiled(clips(), masks), model(clips(), masks))
    classifier = Classifier(encoder(), 3, ClassifyHeadConfig(dropout=0.5))
    torch.compile(classifier, fullgraph=True, backend="eager")(clips()).sum().backward()


def millions(module):
    return sum(param.numel() for param in module.parameters()) / 1e6


@pytest.mark.parametrize(("size", "expected"), [("small", 24.03), ("base", 94.21), ("large", 343.00), ("huge", 658.27)])
def test_parameters_of_pretraining(size, expected):
    with torch.device("meta"):
        model = MaskedAutoencoder(MaskedEncoder(replace(MASKED_VIT[size], pooling="tokens")), MASKED_DECODER[size])
    assert millions(model) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("size", "classes", "expected"), [("base", 400, 86.53), ("large", 710, 304.59), ("huge", 710, 632.52)]
)
def test_parameters_of_finetuning(size, classes, expected):
    with torch.device("meta"):
        model = Classifier(MaskedEncoder(MASKED_VIT[size]), classes, ClassifyHeadConfig())
    assert millions(model) == pytest.approx(expected, abs=0.005)


def test_sizes_match_the_published_token_counts():
    assert MASKED_VIT.keys() == MASKED_DECODER.keys()
    assert {name: config.grid for name, config in MASKED_VIT.items()} == {
        "tiny": (2, 6, 6),
        **dict.fromkeys(("small", "base", "large", "huge"), (8, 14, 14)),
        "giant": (8, 16, 16),
    }
    with torch.device("meta"):
        assert MaskedEncoder(MASKED_VIT["giant"]).blocks[0].mlp.fc1.out_features == 6144


def test_real_positions_survive_building_on_the_meta_device():
    with torch.device("meta"):
        hollow = encoder()
    filled = encoder()
    hollow.load_state_dict(filled.state_dict(), assign=True)
    assert torch.equal(hollow(clips()).pooled, filled(clips()).pooled)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"heads": 3}, "heads=3 must divide width=16"),
        ({"patch_size": 5}, "patch_size=5 must divide image_size=16"),
        ({"num_frames": 3}, "tubelet_size=2 must divide num_frames=3"),
        ({"pooling": "meen"}, "unknown pooling 'meen'. Did you mean 'mean'?"),
    ],
)
def test_impossible_sizes(change, sentence):
    with pytest.raises(UserError, match=sentence):
        replace(SMALL, **change)


def test_wrong_clips_and_wrong_use():
    with pytest.raises(UserError, match="reads clips of 4 frames of 16 x 16 pixels"):
        encoder()(torch.zeros(1, 3, 8, 16, 16))
    with pytest.raises(UserError, match='needs an encoder with pooling="tokens"'):
        MaskedAutoencoder(encoder(), DECODER)
    with pytest.raises(UserError, match="heads=3 must divide width=8"):
        MaskedDecoderConfig(width=8, heads=3, depth=1)
