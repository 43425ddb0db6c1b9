"""Counted operations against formulas worked by hand, and against published totals."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from internvideo_pl.backbones.choices import CoordinatedChoice, MaskedChoice, TowerChoice
from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.sizes import MASKED_DECODER, MASKED_VIT
from internvideo_pl.errors import UserError
from internvideo_pl.models.cost import (
    clip_flops,
    clip_of,
    forward_flops,
    masks_of,
    parameters,
    pretrain_flops,
    train_flops,
)


def autoencoder(size, decoder_depth=None):
    decoder = MASKED_DECODER[size]
    with torch.device("meta"):
        encoder = MaskedEncoder(replace(MASKED_VIT[size], pooling="tokens"))
        return MaskedAutoencoder(encoder, replace(decoder, depth=decoder_depth or decoder.depth))


def block(tokens, width):
    """Multiply-accumulates of a transformer block: projections, MLP of ratio 4, scores and their use."""
    return 12 * tokens * width**2 + 2 * tokens**2 * width


def last_block(tokens, wanted, width):
    """The same of a block that all tokens enter and only some leave: keys and values are of all, the rest of some."""
    return 2 * tokens * width**2 + 10 * wanted * width**2 + 2 * wanted * tokens * width


def pretraining(model, visible=160, tokens=1568, values=1536):
    """The same of one clip's forward pass in masked pretraining."""
    encoder, decoder = model.encoder.config, model.decoder.config
    predicted = tokens - visible
    embedding = visible * values * encoder.width
    joint = visible * encoder.width * decoder.width
    head = predicted * decoder.width * values
    encoding = encoder.depth * block(visible, encoder.width)
    decoding = (decoder.depth - 1) * block(tokens, decoder.width) + last_block(tokens, predicted, decoder.width)
    return embedding + encoding + joint + decoding + head


@pytest.mark.parametrize("size", ["small", "base", "large", "huge"])
def test_pretraining_by_hand(size):
    model = autoencoder(size)
    assert pretrain_flops(model) == 3 * 2 * pretraining(model)
    masks = masks_of(model, 0.9, batch=2)
    assert forward_flops(model, clip_of(model.encoder.input, 2), masks) == 2 * 2 * pretraining(model)


# Billions of multiply-accumulates and TFLOP a training clip as others count them.
@pytest.mark.parametrize(
    ("size", "depth", "giga", "tera"),
    [("base", 4, 35.4, 0.213), ("large", 12, 142.6, 0.856), ("huge", 12, 196.5, 1.179)],
)
def test_pretraining_is_the_known_total_but_for_what_is_never_computed_here(size, depth, giga, tera):
    model = autoencoder(size, depth)
    width, joint_width = model.encoder.config.width, model.decoder.config.width
    hidden_tubes = (1568 - 160) * 1536 * width  # others embed them, and drop them
    visible_at_the_end = block(1568, joint_width) - last_block(1568, 1568 - 160, joint_width)  # others decode them
    total = pretrain_flops(model) + 6 * (hidden_tubes + visible_at_the_end)
    assert total / 6e9 == pytest.approx(giga, abs=0.06)
    assert total / 1e12 == pytest.approx(tera, abs=6e-4)


@pytest.mark.parametrize(("size", "tera"), [("base", 1.08), ("large", 3.58), ("huge", 7.15)])
def test_dense_fine_tuning_is_the_known_total(size, tera):
    with torch.device("meta"):
        encoder = MaskedChoice(size=size).build()
    assert train_flops(encoder, clip_of(encoder.input)) / 1e12 == pytest.approx(tera, abs=0.006)


@pytest.mark.parametrize("size", ["base", "large"])
def test_running_cells_decode_half_of_all_places_beside_what_is_visible(size):
    model = autoencoder(size)
    decoded = pretraining(model, tokens=160 + 1568 // 2)
    assert pretrain_flops(model, decode_ratio=0.5) == 6 * decoded
    assert 1.3 < pretrain_flops(model) / (6 * decoded) < 1.6


@pytest.mark.parametrize("size", ["base", "large"])
def test_video_tower_by_hand(size):
    with torch.device("meta"):
        tower = TowerChoice(size=size).build()
    config, frames = tower.config, 8
    patches, width = (config.size // config.patch) ** 2, config.width
    tokens, memory = patches + 1, frames * (patches + 1)
    embedding = frames * patches * 3 * config.patch**2 * width
    blocks = frames * config.depth * block(tokens, width)
    position = frames * patches * 27 * width
    query, key_value, output, scores, mlp = width**2, 2 * memory * width**2, width**2, 2 * memory * width, 8 * width**2
    reading = position + query + key_value + output + scores + mlp
    assert clip_flops(tower) == 2 * (embedding + blocks + len(config.global_after) * reading)


def test_a_small_network_by_hand_on_any_device():
    network = nn.Sequential(nn.Linear(3, 5), nn.GELU(), nn.Linear(5, 2))
    assert parameters(network) == 3 * 5 + 5 + 5 * 2 + 2
    assert forward_flops(network, torch.zeros(7, 3)) == 2 * 7 * (3 * 5 + 5 * 2)
    assert train_flops(network, torch.zeros(7, 3)) == 3 * forward_flops(network, torch.zeros(7, 3))


def test_counting_leaves_the_model_alone():
    model = MaskedChoice(size="tiny").build().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.device("meta"):
        shape_only = MaskedChoice(size="tiny").build()
    assert clip_flops(model) == clip_flops(shape_only)
    assert model.training
    assert all(value.device.type == "cpu" for value in (*model.parameters(), *model.buffers()))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_activation_checkpointing_is_no_useful_work():
    model = MaskedChoice(size="tiny").build()
    assert clip_flops(MaskedChoice(size="tiny", checkpointing=True).build()) == clip_flops(model)


def test_frozen_parameters_can_be_left_out():
    choice = CoordinatedChoice(size="tiny")
    encoder = choice.build(choice.masked.build(), choice.multimodal.build())
    assert 0 < parameters(encoder, trainable=True) < parameters(encoder)
    frozen = sum(parameters(part) for part in (encoder.masked, encoder.tower))
    assert parameters(encoder) == parameters(encoder, trainable=True) + frozen


def test_a_ratio_that_hides_everything_is_refused():
    with pytest.raises(UserError, match="mask ratio of 1"):
        pretrain_flops(autoencoder("tiny"), mask_ratio=1)
