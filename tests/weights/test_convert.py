"""Every converter both ways: against the releases' own key lists, and against the networks of transformers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.backbones.multimodal_sizes import MOTION_VIDEO_TOWER, MULTIMODAL, VIDEO_TOWER
from internvideo_pl.backbones.sizes import MASKED_DECODER, MASKED_VIT
from internvideo_pl.backbones.video_tower import VideoTower
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.weights.load import build_model, open_model, read_model
from internvideo_pl.weights.recognize import LAYOUTS, recognize
from internvideo_pl.weights.sizes import parts_from
from tests.weights.conftest import NORMED, equal, make

KEYS = Path(__file__).parents[1] / "parity" / "keys"


def autoencoder(size: str) -> nn.Module:
    return MaskedAutoencoder(MaskedEncoder(replace(MASKED_VIT[size], pooling="tokens")), MASKED_DECODER[size])


def masked(size: str, classes: int) -> nn.Module:
    return Classifier(MaskedEncoder(replace(MASKED_VIT[size], pooling="mean")), classes, ClassifyHeadConfig())


def tower(size: str, classes: int) -> nn.Module:
    config = MOTION_VIDEO_TOWER["base"] if size == "motion" else VIDEO_TOWER[size]
    return Classifier(VideoTower(config), classes, NORMED)


# A key list of the release, our network, and the layout that it is written in.
FULL = {
    "videomae_pretrain_small_dec4": (lambda: autoencoder("small"), "videomae_pretrain"),
    "videomae_pretrain_base_dec4": (lambda: autoencoder("base"), "videomae_pretrain"),
    "videomae_pretrain_large_dec12": (lambda: autoencoder("large"), "videomae_pretrain"),
    "videomae_pretrain_huge_dec8": (lambda: autoencoder("huge"), "videomae_pretrain"),
    "videomae_finetune_base_400": (lambda: masked("base", 400), "videomae_finetune"),
    "videomae_finetune_large_710": (lambda: masked("large", 710), "videomae_finetune"),
    "videomae_finetune_huge_710": (lambda: masked("huge", 710), "videomae_finetune"),
    "internvideo_mm_b16_dec4": (lambda: MultimodalEncoder(MULTIMODAL["base"]), "internvideo_mm"),
    "internvideo_mm_l14_dec4": (lambda: MultimodalEncoder(MULTIMODAL["large"]), "internvideo_mm"),
    "internvideo_mm_l14_dec6": (lambda: MultimodalEncoder(MULTIMODAL["large_6"]), "internvideo_mm"),
    "uniformerv2_k710_b16_f8": (lambda: tower("base", 710), "uniformerv2"),
    "uniformerv2_k710_l14_f8": (lambda: tower("large", 710), "uniformerv2"),
    "uniformerv2_ssv2_b16_f16": (lambda: tower("motion", 174), "uniformerv2"),
}


def key_list(name: str) -> dict[str, tuple[tuple[int, ...], str]]:
    rows = [row.split("\t") for row in (KEYS / f"{name}.txt").read_text().splitlines() if row[0] != "#"]
    return {key: (tuple(json.loads(shape)), dtype) for key, shape, dtype, _ in rows}


def shapes(state: dict[str, Tensor]) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (tuple(value.shape), str(value.dtype).removeprefix("torch.")) for name, value in state.items()}


def test_every_key_list_is_tried():
    assert FULL.keys() == {path.stem for path in KEYS.glob("*.txt")}


@pytest.mark.parametrize("name", FULL)
def test_exporters_write_exactly_the_releases_names(name):
    build, layout = FULL[name]
    with torch.device("meta"):
        model = build()
    state = model.state_dict()
    written = LAYOUTS[layout].write(state)
    assert shapes(written) == key_list(name)
    found, again = recognize(written)
    assert found == layout
    back = LAYOUTS[layout].read(again)
    assert shapes(back.tensors) == shapes(state)
    assert back.left_out == {}


@pytest.mark.parametrize("name", FULL)
def test_sizes_are_read_from_the_keys(name):
    build, layout = FULL[name]
    with torch.device("meta"):
        model = build()
        files = {key: torch.empty(shape, dtype=getattr(torch, dtype)) for key, (shape, dtype) in key_list(name).items()}
    parts = parts_from(LAYOUTS[layout].kind, LAYOUTS[layout].read(files).tensors)
    config = next(iter(parts.values()))
    own = {
        "videomae_pretrain": lambda: model.encoder.config,
        "internvideo_mm": lambda: model.config,
    }.get(layout, lambda: model.backbone.config)()
    if name == "uniformerv2_ssv2_b16_f16":
        own = replace(own, num_frames=16)  # the choice of frames leaves no trace; the release's configurations have 16
    assert config == own
    if layout == "videomae_pretrain":
        assert parts["decoder"] == model.decoder.config
    if layout in ("videomae_finetune", "uniformerv2"):
        assert (parts["num_classes"], parts["head"].norm) == (len(model.head.weight), layout == "uniformerv2")


@pytest.mark.parametrize(
    ("kind", "layout"),
    [
        ("masked_autoencoder", "videomae_pretrain"),
        ("masked_classifier", "videomae_finetune"),
        ("multimodal", "internvideo_mm"),
        ("video_tower_classifier", "uniformerv2"),
    ],
)
def test_values_survive_both_ways(kind, layout):
    state = make(kind).state_dict()
    written = LAYOUTS[layout].write(state)
    assert equal(LAYOUTS[layout].read(written).tensors, state)
    assert len({value.data_ptr() for value in written.values()} & {value.data_ptr() for value in state.values()}) > 10


def test_question_answering_both_ways(saved):
    model = make("question_answerer")
    written = LAYOUTS["internvideo_qa"].write(model.state_dict())
    assert not any(name.endswith(("visual_proj", "text_projection")) or "predictor" in name for name in written)
    found = read_model(saved({"state_dict": written}))
    assert (found.kind, found.num_classes) == ("question_answerer", 7)
    assert equal(LAYOUTS["internvideo_qa"].write(found.state), written)
    again = build_model(found)
    video, ids = torch.randn(2, 3, 4, 48, 48), torch.randint(1, 1000, (2, 32))
    with torch.no_grad():
        assert torch.equal(again.eval()(video, ids), model(video, ids))


# ---- CLIP


@pytest.fixture(scope="module")
def clip() -> nn.Module:
    """A CLIP of transformers with L/14's proportions of names and ours of heads; built here, all values random."""
    transformers = pytest.importorskip("transformers")
    text = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 1}
    text |= {"vocab_size": 60, "max_position_embeddings": 12, "eos_token_id": 59, "bos_token_id": 58}
    vision = {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 5, "num_attention_heads": 2}
    vision |= {"image_size": 32, "patch_size": 8}
    torch.manual_seed(1)
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
    model = transformers.CLIPModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def test_clip_of_transformers_and_of_openai_are_the_same_start(saved, clip):
    from_transformers = read_model(saved(clip.state_dict(), "hf.bin"))
    openai = LAYOUTS["openai_clip"].write(from_transformers.state)
    numbers = {name: torch.tensor(1) for name in ("input_resolution", "context_length", "vocab_size")}
    from_openai = read_model(saved({name: x.half() for name, x in openai.items()} | numbers, "openai.pt"))
    assert (from_transformers.source, from_openai.source) == ("transformers_clip", "openai_clip")
    assert from_openai.left_out == dict.fromkeys(numbers, "a number, not a weight")
    for name, value in from_transformers.state.items():
        torch.testing.assert_close(from_openai.state[name].float(), value, rtol=1e-3, atol=1e-3)
    assert equal(LAYOUTS["transformers_clip"].write(from_transformers.state), clip.state_dict())
    assert from_openai.config.video.global_after == (1, 2, 3, 4)
    assert not from_openai.config.video.frozen


def test_a_model_built_from_clip_answers_as_clip_does(saved, clip):
    found = read_model(saved(clip.state_dict(), "hf.bin"))
    ids = torch.tensor([[58, 3, 4, 59] + [0] * 8, [58, 7, 8, 9, 10, 59] + [0] * 6])
    image = torch.randn(2, 3, 32, 32)
    assert found.config.text.heads == 1  # a width of 64 has one head of 64, as CLIP's rule says
    assert {row.status for row in found.audit().rows()} == {"matched", "missing, as it should be"}
    model = build_model(found).eval()
    with torch.no_grad():
        theirs = clip(input_ids=ids, pixel_values=image, attention_mask=torch.ones_like(ids))
        ours = [
            nn.functional.normalize(x, dim=-1) for x in (model.encode_video(image[:, :, None]), model.encode_text(ids))
        ]
    torch.testing.assert_close(ours[0], theirs.image_embeds, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours[1], theirs.text_embeds, rtol=1e-4, atol=1e-4)
    video = torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        frames = video.transpose(1, 2).flatten(0, 1)  # (B*T, 3, H, W)
        tokens = clip.vision_model(frames).last_hidden_state[:, 0].unflatten(0, (2, 4)).mean(1)
        average = clip.visual_projection(clip.vision_model.post_layernorm(tokens))
        torch.testing.assert_close(model.encode_video(video), average, rtol=1e-3, atol=1e-3)


# ---- transformers' VideoMAE


@pytest.fixture(scope="module")
def videomae() -> nn.Module:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(2)
    sizes = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 256}
    config = transformers.VideoMAEConfig(**sizes, layer_norm_eps=1e-6, num_labels=5, image_size=32, num_frames=4)
    model = transformers.VideoMAEForVideoClassification(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("version", [4, 5])
def test_transformers_videomae_answers_the_same(saved, videomae, version):
    state = videomae.state_dict()
    if version == 4:
        state = {name.replace("query.bias", "q_bias").replace("value.bias", "v_bias"): x for name, x in state.items()}
        assert any(name.endswith("q_bias") for name in state)
    found = read_model(saved(state, "pytorch_model.bin"))
    assert (found.source, found.num_classes) == ("transformers_videomae_finetune", 5)
    small = replace(found.config, image_size=32, num_frames=4, table_size=32, table_frames=4)
    model = Classifier(MaskedEncoder(small), 5, ClassifyHeadConfig()).eval()
    model.load_state_dict(found.state)
    video = torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        theirs = videomae(pixel_values=video.transpose(1, 2)).logits
        torch.testing.assert_close(model(video), theirs, rtol=1e-4, atol=1e-4)


def test_transformers_videomae_pretraining_is_whole(saved):
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 256}
    decoder = {"decoder_hidden_size": 64, "decoder_num_hidden_layers": 1, "decoder_intermediate_size": 256}
    decoder |= {"decoder_num_attention_heads": 2}
    config = transformers.VideoMAEConfig(**sizes, **decoder, use_mean_pooling=False, image_size=32, num_frames=4)
    model = transformers.VideoMAEForPreTraining(config)
    found = open_model(str(saved(model.state_dict(), "pytorch_model.bin")))
    audit = found.audit()
    assert found.kind == "masked_autoencoder"
    assert [(row.status, row.per_cent) for row in audit.rows()] == [("matched", 100.0)]
