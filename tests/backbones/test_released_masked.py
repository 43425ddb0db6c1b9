"""The sizes of a masked encoder and its decoder, read from released tensors; and their names, both ways."""

from dataclasses import replace

import pytest
import torch

from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder, MaskedDecoderConfig
from internvideo_pl.backbones.masked_vit import MaskedEncoder, MaskedViTConfig
from internvideo_pl.backbones.released_masked import (
    NO_HEADS,
    classifier_from_released,
    classifier_to_released,
    masked_config_from,
    masked_decoder_config_from,
)
from internvideo_pl.backbones.sizes import MASKED_DECODER, MASKED_VIT
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig

ODD = MaskedViTConfig(
    width=20, depth=3, heads=2, patch_size=4, tubelet_size=1, image_size=16, num_frames=4, mlp_ratio=3
)


def on_meta(config: MaskedViTConfig) -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return MaskedEncoder(config).state_dict()


@pytest.mark.parametrize("pooling", ["tokens", "mean", "first"])
@pytest.mark.parametrize("size", MASKED_VIT)
def test_published_sizes_are_recognised(size, pooling):
    config = replace(MASKED_VIT[size], pooling=pooling)
    assert masked_config_from(on_meta(config), pretraining=pooling == "tokens") == config


def test_other_sizes_say_what_they_can():
    found = masked_config_from(on_meta(ODD), pretraining=False)
    assert (found.width, found.depth, found.patch_size, found.tubelet_size, found.mlp_ratio) == (20, 3, 4, 1, 3)
    assert (found.heads, found.image_size, found.num_frames) == (NO_HEADS, 224, 16)
    wider = masked_config_from(on_meta(replace(ODD, width=128, heads=4)), pretraining=False)
    assert wider.heads == 2  # width / 64
    assert masked_config_from(on_meta(replace(ODD, layer_scale=0.1)), pretraining=False).layer_scale > 0


@pytest.mark.parametrize("size", MASKED_DECODER)
def test_decoders_are_recognised(size):
    with torch.device("meta"):
        model = MaskedAutoencoder(MaskedEncoder(replace(MASKED_VIT["tiny"], pooling="tokens")), MASKED_DECODER[size])
    assert masked_decoder_config_from(model.state_dict()) == MASKED_DECODER[size]


def test_videomaes_own_huge_decoder_has_eight_heads():
    with torch.device("meta"):
        decoder = MaskedDecoderConfig(width=640, heads=8, depth=8)
        model = MaskedAutoencoder(MaskedEncoder(replace(MASKED_VIT["tiny"], pooling="tokens")), decoder)
    assert masked_decoder_config_from(model.state_dict()) == decoder


def test_tensors_of_another_model_are_refused():
    for state in ({}, {"patch_embed.proj.weight": torch.zeros(3, 3, 2, 2)}):
        with pytest.raises(UserError, match="not the weights of a masked video encoder"):
            masked_config_from(state, pretraining=False)


def test_released_classifier_names_both_ways():
    model = Classifier(MaskedEncoder(ODD), 3, ClassifyHeadConfig())
    released = classifier_to_released(model.state_dict())
    assert {"patch_embed.proj.weight", "blocks.2.attn.q_bias", "fc_norm.weight", "head.weight"} <= released.keys()
    back = classifier_from_released(released)
    assert back.keys() == model.state_dict().keys()
    assert all(back[name] is value for name, value in released.items() if name in back)
