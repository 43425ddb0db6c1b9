"""Masked modelling end to end at the tiny size: loss, masks, pictures."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder, MaskedDecoderConfig
from internvideo_pl.backbones.masked_vit import MaskedEncoder, MaskedViTConfig
from internvideo_pl.errors import UserError
from internvideo_pl.objectives.masked import MaskedModeling, MaskedModelingConfig

CONFIG = MaskedViTConfig(
    width=32, depth=2, heads=2, patch_size=4, image_size=24, num_frames=4, pooling="tokens"
)  # (2, 6, 6) tokens


def objective(**changes):
    torch.manual_seed(0)
    model = MaskedAutoencoder(MaskedEncoder(CONFIG), MaskedDecoderConfig(width=16, heads=2, depth=1))
    return MaskedModeling(model, replace(MaskedModelingConfig(), **changes))


def pixels(batch=4):
    """Moving gradients, so that there is something to predict."""
    torch.manual_seed(2)
    ramp = torch.linspace(0, 180, 24)
    video = ramp.view(1, 1, 1, 24, 1) + torch.arange(4).view(1, 4, 1, 1, 1) * 10 + torch.rand(batch, 1, 24, 1, 3) * 20
    return video.expand(batch, 4, 24, 24, 3).to(torch.uint8)


@pytest.mark.parametrize("decode_ratio", [1.0, 0.5])
def test_goes_down_in_twenty_steps(decode_ratio):
    model = objective(variance_floor=0.05, decode_ratio=decode_ratio)
    video = model.input.prepare(pixels())
    masks = model.sample(4, "cpu", torch.Generator().manual_seed(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(20):
        loss = model(video, masks)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("norm_target", [True, False])
def test_loss_by_hand(norm_target):
    model = objective(norm_target=norm_target).double()
    video = model.input.prepare(pixels(1)).double()
    masks = model.sample(1, "cpu")
    prediction = model.model(video, masks)
    raw = video * model.std + model.mean
    errors = []
    for k, token in enumerate(masks.predicted[0].tolist()):
        t, h, w = token // 36, token // 6 % 6, token % 6
        tube = raw[0, :, 2 * t : 2 * t + 2, 4 * h : 4 * h + 4, 4 * w : 4 * w + 4].flatten(1)  # (3, 32)
        if norm_target:
            tube = (tube - tube.mean(1, keepdim=True)) / (tube.std(1, keepdim=True) + 1e-6)
        errors.append((prediction[0, k].view(32, 3).T - tube).square().mean())
    assert_close(model(video, masks)["loss"], torch.stack(errors).mean())


def test_the_raw_target_is_pixels_between_0_and_1():
    model = objective(norm_target=False)
    video = model.input.prepare(pixels())
    target = model.target(video, model.sample(4, "cpu"))
    assert target.min() >= -1e-6
    assert target.max() <= 1 + 1e-6
    assert target.shape == (4, 2 * 32, 96)


def test_masks_are_drawn_anew_and_follow_the_seed():
    model = objective()
    video = model.input.prepare(pixels())
    torch.manual_seed(5)
    first, second = model(video)["loss"].item(), model(video)["loss"].item()
    torch.manual_seed(5)
    assert model(video)["loss"].item() == first
    assert first != second


def test_running_cells_leave_seen_tokens_out_of_the_loss():
    model = objective(decode_ratio=0.5, mask_ratio=0.5)
    video = model.input.prepare(pixels(1))
    masks = model.sample(1, "cpu", torch.Generator().manual_seed(0))
    assert masks.predicted.shape == (1, 36)
    prediction, target = model.model(video, masks), model.target(video, masks)
    hidden = masks.hidden(72)[0, masks.predicted[0]]
    assert 0 < hidden.sum() < 36
    assert_close(model(video, masks)["loss"], (prediction - target)[0, hidden].square().mean())


@pytest.mark.parametrize("norm_target", [True, False])
def test_pictures_keep_what_is_seen_and_a_perfect_model_restores_the_rest(norm_target, monkeypatch):
    model = objective(norm_target=norm_target)
    video = model.input.prepare(pixels(2))
    masks = model.sample(2, "cpu")
    target = model.target(video, masks)
    monkeypatch.setattr(model.model, "forward", lambda *_: target)
    shown, seen, filled = model.reconstruct(video, masks)
    original = pixels(2).permute(0, 4, 1, 2, 3) / 255
    assert_close(shown, original, atol=1e-6, rtol=0)
    assert_close(filled, original, atol=1e-4, rtol=0)
    grey = (seen == 0.5).all(dim=1)
    assert grey.float().mean().item() == pytest.approx(32 / 36, abs=0.01)
    assert_close(seen.movedim(1, -1)[~grey], original.movedim(1, -1)[~grey], atol=1e-4, rtol=0)


def test_bfloat16_autocast_gives_a_float32_loss_close_to_it():
    model = objective(variance_floor=0.05)
    video = model.input.prepare(pixels())
    masks = model.sample(4, "cpu")
    with torch.autocast("cpu", torch.bfloat16):
        half = model(video, masks)["loss"]
    assert half.dtype == torch.float32
    assert_close(half, model(video, masks)["loss"], rtol=0.02, atol=0)


def test_no_graph_break_under_compile():
    model = objective(decode_ratio=0.5)
    video = model.input.prepare(pixels())
    torch.compile(model, fullgraph=True, backend="eager")(video)["loss"].backward()


def test_nothing_but_the_model_is_saved():
    model = objective()
    assert all(name.startswith("model.") for name in model.state_dict())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"mask_ratio": 1.0}, "mask ratio of 1.0 hides 36 of 36 cells"),
        ({"variance_floor": -1.0}, "variance_floor=-1.0 must not be negative"),
        ({"decode_ratio": 0.0}, "decode_ratio=0.0 must be above 0"),
        ({"decode_ratio": 0.95}, "1 to 3 of every 4 places, got 6 x 6 tokens and 4 places"),
    ],
)
def test_refusals(change, sentence):
    with pytest.raises(UserError, match=sentence):
        objective(**change)
