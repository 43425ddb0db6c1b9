"""The masked encoder against outputs of the reference classes (tiny, random weights) and the released key lists."""

import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.testing import assert_close

from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder, MaskedDecoderConfig
from internvideo_pl.backbones.masked_vit import MaskedEncoder, MaskedViTConfig
from internvideo_pl.backbones.masks import Masks, sample_tubes
from internvideo_pl.backbones.positions import interpolate_table, sincos_table
from internvideo_pl.backbones.released_masked import classifier_from_released, classifier_to_released
from internvideo_pl.backbones.sizes import MASKED_DECODER, MASKED_VIT
from internvideo_pl.backbones.tubes import gather_tokens, tubes_of
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.losses.masked import normalized, reconstruction_loss
from internvideo_pl.objectives.masked import MaskedModeling, MaskedModelingConfig

HERE = Path(__file__).parent
SINGLE = {"rtol": 1e-4, "atol": 1e-4}
DOUBLE = {"rtol": 1e-6, "atol": 1e-6}


def fill_v1(module, prefix=""):
    """The rule by which anyone can rebuild the weights of full-size models: each key is its own seed."""
    for name, value in module.state_dict().items():
        generator = torch.Generator().manual_seed(zlib.crc32((prefix + name).encode()))
        noise = torch.randn(value.shape, generator=generator) * 0.02
        value.copy_(noise + 1 if value.ndim == 1 and name.endswith("weight") else noise)
    return module


def golden(name):
    return load_file(HERE / "given" / f"{name}.safetensors"), facts(name)


def facts(name):
    return json.loads((HERE / "given" / f"{name}.json").read_text())


def weights(tensors):
    return {name.removeprefix("sd/"): value for name, value in tensors.items() if name.startswith("sd/")}


@pytest.fixture
def pretraining():
    tensors, described = golden("videomae_pretrain_tiny_a")
    sizes = described["config"]
    encoder = MaskedEncoder(
        MaskedViTConfig(
            width=sizes["encoder_embed_dim"],
            depth=sizes["encoder_depth"],
            heads=sizes["encoder_num_heads"],
            patch_size=sizes["patch_size"],
            image_size=sizes["img_size"],
            num_frames=sizes["frames"],
            pooling="tokens",
        )
    )
    decoder = MaskedDecoderConfig(
        width=sizes["decoder_embed_dim"], depth=sizes["decoder_depth"], heads=sizes["decoder_num_heads"]
    )
    model = MaskedAutoencoder(encoder, decoder)
    model.load_state_dict(weights(tensors))
    return model, tensors, described


def test_pretraining_single(pretraining):
    model, tensors, _ = pretraining
    masks = Masks.from_hidden(tensors["in/mask"])
    assert_close(model.encoder.encode_visible(tensors["in/video"], masks.visible), tensors["out/encoder"], **SINGLE)
    assert_close(model(tensors["in/video"], masks), tensors["out/pred"], **SINGLE)


def test_pretraining_double(pretraining):
    model, tensors, _ = pretraining
    model.double()
    video, masks = tensors["in/video"].double(), Masks.from_hidden(tensors["in/mask"])
    assert_close(model.encoder.encode_visible(video, masks.visible), tensors["out64/encoder"], **DOUBLE)
    assert_close(model(video, masks), tensors["out64/pred"], **DOUBLE)


def test_pretraining_loss_and_gradients(pretraining):
    model, tensors, described = pretraining
    objective = MaskedModeling(model, MaskedModelingConfig())
    masks = Masks.from_hidden(tensors["in/mask"])
    assert_close(objective.target(tensors["in/video"], masks), tensors["out/labels"], **SINGLE)
    loss = objective(tensors["in/video"], masks)["loss"]
    assert_close(loss, tensors["out/loss"], rtol=1e-5, atol=0)
    loss.backward()
    expected = described["grad_sum_and_abs_sum"]
    found = {name: param.grad.abs().sum().item() for name, param in model.named_parameters()}
    assert found.keys() == expected.keys()
    assert found == {name: pytest.approx(sums[1], rel=1e-3) for name, sums in expected.items()}


def finetuned(name, **variant):
    tensors, described = golden(name)
    sizes = described["config"]
    encoder = MaskedEncoder(
        MaskedViTConfig(
            width=sizes["embed_dim"],
            depth=sizes["depth"],
            heads=sizes["num_heads"],
            patch_size=sizes["patch_size"],
            image_size=sizes["img_size"],
            num_frames=sizes["frames"],
            **variant,
        )
    )
    model = Classifier(encoder, sizes["num_classes"], ClassifyHeadConfig()).eval()
    model.load_state_dict(classifier_from_released(weights(tensors)))
    return model, tensors


@pytest.mark.parametrize(
    ("name", "variant"),
    [("videomae_finetune_tiny_a", {}), ("videomae_finetune_tiny_interp", {"table_size": 224, "table_frames": 16})],
)
def test_finetuned(name, variant):
    model, tensors = finetuned(name, **variant)
    encoder, video = model.backbone, tensors["in/video"]
    x = encoder.embed(video)
    first = encoder.blocks[0](x)
    features = encoder(video)
    assert_close(first, tensors["out/block_0"], **SINGLE)
    assert_close(features.tokens, tensors["out/block_last"], **SINGLE)
    assert_close(features.pooled, tensors["out/features"], **SINGLE)
    assert_close(model(video), tensors["out/logits"], **SINGLE)
    if "out/pos_embed" in tensors:
        assert_close(encoder.positions, tensors["out/pos_embed"], rtol=1e-6, atol=1e-6)
    model.double()
    assert_close(encoder(video.double()).pooled, tensors["out64/features"], **DOUBLE)
    assert_close(model(video.double()), tensors["out64/logits"], **DOUBLE)


def test_sincos_table():
    tensors, described = golden("sincos_table")
    for positions, width in described["config"]["pairs"]:
        assert torch.equal(sincos_table(positions, width), tensors[f"out/n{positions}_d{width}"])


def test_interpolated_positions():
    tensors, described = golden("videomae_pos_interp")
    for spec in described["config"]["specs"]:
        side, wanted = 224 // spec["patch"], spec["img"] // spec["patch"]
        table = sincos_table(8 * side * side, spec["dim"])
        found = interpolate_table(table, (8, side, side), (spec["frames"] // 2, wanted, wanted))
        expected = tensors[f"out/img{spec['img']}_p{spec['patch']}_f{spec['frames']}_d{spec['dim']}"]
        assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_target():
    tensors, described = golden("mae_target_a")
    config = described["config"]
    mean, std = (torch.tensor(config[key]).view(1, 3, 1, 1, 1) for key in ("mean", "std"))
    tubes = tubes_of(tensors["in/video"] * std + mean, config["tubelet"], config["patch"])
    masks = Masks.from_hidden(tensors["in/mask"])
    labels = normalized(gather_tokens(tubes, masks.predicted), config["eps"])
    assert_close(labels, tensors["out/labels"], rtol=0, atol=1e-4)
    assert_close(reconstruction_loss(tensors["in/pred"], labels), tensors["out/loss"], rtol=1e-5, atol=0)


def test_tube_masks_have_the_reference_counts_and_shape():
    tensors, described = golden("tube_mask")
    for spec in described["config"]["specs"]:
        slots, rows, columns = spec["size"]
        reference = tensors[f"out/{spec['key']}"].bool().unflatten(1, (slots, rows * columns))
        ours = sample_tubes(2, (slots, rows, columns), spec["ratio"], "cpu").hidden(slots * rows * columns)
        ours = ours.unflatten(1, (slots, rows * columns))
        for mask in (reference, ours):
            assert (mask == mask[:, :1]).all()
            assert (mask.sum(dim=2) == spec["masked_per_frame"]).all()
            assert (mask.sum(dim=(1, 2)) == spec["total"]).all()


def released_keys(name):
    lines = (HERE / "keys" / f"{name}.txt").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {key: tuple(json.loads(shape)) for key, shape, *_ in rows}


@pytest.mark.parametrize(("size", "depth"), [("small", 4), ("base", 4), ("large", 12), ("huge", 8)])
def test_pretraining_names_are_the_released_ones(size, depth):
    assert MASKED_DECODER[size].depth == depth
    with torch.device("meta"):
        encoder = MaskedEncoder(replace(MASKED_VIT[size], pooling="tokens"))
        model = MaskedAutoencoder(encoder, MASKED_DECODER[size])
    found = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert found == released_keys(f"videomae_pretrain_{size}_dec{depth}")


@pytest.mark.parametrize(("size", "classes"), [("base", 400), ("large", 710), ("huge", 710)])
def test_finetuned_names_are_the_released_ones(size, classes):
    with torch.device("meta"):
        model = Classifier(MaskedEncoder(MASKED_VIT[size]), classes, ClassifyHeadConfig())
    state = model.state_dict()
    released = classifier_to_released(state)
    found = {name: tuple(value.shape) for name, value in released.items()}
    assert found == released_keys(f"videomae_finetune_{size}_{classes}")
    assert classifier_from_released(released).keys() == state.keys()


@pytest.mark.slow
@pytest.mark.parametrize("size", ["base", "huge"])
def test_full_size_runs_on_filled_weights(size):
    classes = 400 if size == "base" else 710
    with torch.device("meta"):
        hollow = Classifier(MaskedEncoder(MASKED_VIT[size]), classes, ClassifyHeadConfig())
    model = hollow.to_empty(device="cpu").eval()
    model.backbone.positions.copy_(MaskedEncoder(replace(MASKED_VIT[size], depth=1)).positions)
    fill_v1(model.head, "head.")
    fill_v1(model.backbone)
    video = torch.randn(1, 3, 16, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = model(video)
    assert logits.shape == (1, classes)
    assert logits.isfinite().all()
    assert logits.std() > 0.01
