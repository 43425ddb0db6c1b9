"""Starting fine-tuning from pretrained weights, by the rule of the reference loader."""

from dataclasses import replace

import pytest
import torch

from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder, MaskedDecoderConfig
from internvideo_pl.backbones.masked_vit import MaskedEncoder, MaskedViTConfig
from internvideo_pl.backbones.released_masked import (
    classifier_to_released,
    encoder_from_released,
    finetuning_encoder,
    load_pretrained_encoder,
)
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig

CONFIG = MaskedViTConfig(width=16, depth=2, heads=2, patch_size=4, image_size=16, num_frames=4)


def pretrained():
    model = MaskedAutoencoder(
        MaskedEncoder(replace(CONFIG, pooling="tokens")), MaskedDecoderConfig(width=8, heads=2, depth=1)
    )
    for param in model.parameters():
        torch.nn.init.normal_(param)
    return model


@pytest.mark.parametrize("prefix", ["", "module."])
def test_pretraining_checkpoint_fills_all_but_the_last_norm(prefix):
    model = pretrained()
    encoder = MaskedEncoder(CONFIG)
    load_pretrained_encoder(encoder, {prefix + name: value for name, value in model.state_dict().items()})
    assert torch.equal(encoder.patch_embed.proj.weight, model.encoder.patch_embed.proj.weight)
    assert torch.equal(encoder.blocks[1].attn.q_bias, model.encoder.blocks[1].attn.q_bias)
    assert (encoder.fc_norm.weight == 1).all()
    assert not encoder.fc_norm.bias.any()


def test_decoder_weights_do_not_leak_into_the_encoder():
    found = encoder_from_released(pretrained().state_dict())
    assert found.keys() == MaskedEncoder(replace(CONFIG, pooling="tokens")).state_dict().keys()


def test_finetuned_checkpoint_is_taken_over_whole():
    model = Classifier(MaskedEncoder(CONFIG), 3, ClassifyHeadConfig())
    torch.nn.init.normal_(model.backbone.fc_norm.weight)
    encoder = MaskedEncoder(CONFIG)
    load_pretrained_encoder(encoder, classifier_to_released(model.state_dict()))
    for name, value in model.backbone.state_dict().items():
        assert torch.equal(encoder.state_dict()[name], value)


def test_finetuning_encoder_starts_from_the_pretrained_object():
    model = pretrained().encoder
    encoder = finetuning_encoder(model, drop_path=0.2)
    assert (encoder.config.pooling, encoder.config.drop_path) == ("mean", 0.2)
    assert torch.equal(encoder.blocks[0].mlp.fc1.weight, model.blocks[0].mlp.fc1.weight)
    assert encoder.blocks[0].mlp.fc1.weight is not model.blocks[0].mlp.fc1.weight
    assert model.config.pooling == "tokens"


def test_another_resolution_needs_no_change_of_the_weights():
    larger = finetuning_encoder(pretrained().encoder, image_size=24, num_frames=8, table_size=16, table_frames=4)
    assert larger(torch.zeros(1, 3, 8, 24, 24)).grid == (4, 6, 6)


def spoilt(change):
    state = dict(pretrained().state_dict())
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("encoder.blocks.1.attn.v_bias"), "1 tensors are missing, blocks.1.attn.v_bias first"),
        (lambda s: s.update({"encoder.blocks.2.norm1.weight": torch.zeros(16)}), "unknown, blocks.2.norm1.weight"),
        (lambda s: s.update({"encoder.blocks.0.norm1.weight": torch.zeros(4)}), r"has shape \(4,\), not \(16,\)"),
        (lambda s: s.clear(), "no masked encoder among these tensors"),
    ],
)
def test_weights_that_do_not_fit(change, sentence):
    with pytest.raises(UserError, match=sentence):
        load_pretrained_encoder(MaskedEncoder(CONFIG), spoilt(change))
