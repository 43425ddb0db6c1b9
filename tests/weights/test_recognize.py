"""Which model a file is: by its names alone, whatever stands around and before them."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from internvideo_pl.backbones.coordinate import CoordinatedEncoder
from internvideo_pl.backbones.sizes import COORDINATED
from internvideo_pl.errors import UserError
from internvideo_pl.heads.coordinated import CoordinatedClassifier
from internvideo_pl.modules.masked import MaskedReconstruction
from internvideo_pl.modules.zero_shot import ZeroShotRecognition
from internvideo_pl.objectives.masked import MaskedModeling, MaskedModelingConfig
from internvideo_pl.optim import OptimizerConfig
from internvideo_pl.weights.checkpoint import find_state
from internvideo_pl.weights.load import open_model, read_model
from internvideo_pl.weights.networks import BUILD, kind_of
from internvideo_pl.weights.recognize import LAYOUTS, RELEASED_NAMES, recognize
from tests.weights.conftest import BUILDERS, equal, make, masked_classifier, random, tower_classifier


def released(kind: str) -> tuple[str, dict[str, torch.Tensor]]:
    """A released layout of the kind and a tiny file's tensors in it."""
    layout = RELEASED_NAMES[kind]
    return layout, LAYOUTS[layout].write(make(kind).state_dict())  # type: ignore[misc]


@pytest.mark.parametrize("kind", BUILDERS)
def test_our_own_models_of_every_kind(saved, kind):
    model = make(kind)
    found = read_model(saved(model.state_dict()))
    assert found.kind == kind == kind_of(model)
    assert equal(found.state, model.state_dict())
    assert kind in BUILD


@pytest.mark.parametrize("kind", RELEASED_NAMES)
def test_released_names_in_every_wrapper(saved, kind):
    layout, state = released(kind)
    wrapped: list[Any] = [
        state,
        {"model": state, "epoch": 3},
        {"module": state, "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}},  # DeepSpeed
        {"state_dict": state, "hyper_parameters": {"lr": 0.1}, "callbacks": {}},  # Lightning
        {"model_state": state, "cfg": "text"},  # SlowFast
        {"model": {"state_dict": state}},
        {f"module.{name}": value for name, value in state.items()},
        {"model": {f"module.{name}": value for name, value in state.items()}},
        {f"_orig_mod.{name}": value for name, value in state.items()},
        {"state_dict": {f"model.{name}": value for name, value in state.items()}},
    ]
    for content in wrapped:
        found = read_model(saved(content))
        assert (found.source, found.kind) == (layout, kind)
        assert equal(found.state, make(kind).state_dict() if kind != "question_answerer" else found.state)


@pytest.mark.parametrize("prefix", ["", "encoder.", "backbone.", "module.encoder.", "module.backbone."])
def test_prefixes_of_masked_encoders(saved, prefix):
    state = make("masked_encoder").state_dict()
    found = read_model(saved({prefix + name: value for name, value in state.items()}))
    assert found.kind == "masked_encoder"
    assert equal(found.state, state)


def test_a_prefix_on_the_encoder_but_not_on_the_head(saved):
    _, state = released("masked_classifier")
    mixed = {name if name.startswith("head.") else f"encoder.{name}": value for name, value in state.items()}
    found = read_model(saved(mixed))
    assert found.source == "videomae_finetune"
    assert equal(found.state, make("masked_classifier").state_dict())


def test_multimodal_files_without_their_prefix(saved):
    _, state = released("multimodal")
    bare = {name.removeprefix("clip."): value for name, value in state.items()}
    found = read_model(saved(bare))
    assert found.source == "internvideo_mm_bare"
    assert equal(found.state, make("multimodal").state_dict())


def test_uniformer_without_its_prefix(saved):
    _, state = released("video_tower_classifier")
    found = read_model(saved({name.removeprefix("backbone."): value for name, value in state.items()}))
    assert found.source == "uniformerv2_bare"
    assert equal(found.state, make("video_tower_classifier").state_dict())


def test_other_modules_of_the_release_are_left_out_and_named(saved):
    _, state = released("multimodal")
    momentum = {
        "clip_k.visual_proj": torch.zeros(2),
        "queue_visual": torch.zeros(3),
        "rank_output.1.weight": torch.zeros(4),
    }
    found = read_model(saved({"state_dict": state | momentum}))
    assert found.left_out == dict.fromkeys(momentum, "another part of the training run")
    row = found.audit().rows()[-1]
    assert (row.status, row.tensors, row.parameters) == ("unexpected, as it should be", 3, 9)


def test_our_lightning_checkpoints(saved):
    options: dict[str, Any] = {"optimizer": OptimizerConfig(lr=1e-3), "total_steps": 1, "global_batch": 1}
    model = make("masked_autoencoder")
    module = MaskedReconstruction(MaskedModeling(model, MaskedModelingConfig()), **options)
    state = module.state_dict() | {"accuracy.counts": torch.zeros(3)}
    found = read_model(saved({"state_dict": state, "pytorch-lightning_version": "2.6.6", "loops": {}}))
    assert found.kind == "masked_autoencoder"
    assert equal(found.state, model.state_dict())
    assert "accuracy.counts" in found.left_out
    encoder = make("multimodal")
    zero_shot = ZeroShotRecognition(encoder, ("{}",), **options)
    assert equal(read_model(saved({"state_dict": zero_shot.state_dict()})).state, encoder.state_dict())


@pytest.mark.parametrize(("kind", "inner"), [("masked_classifier", "masked_encoder"), ("multimodal", "multimodal")])
def test_a_backbone_inside_a_model_of_another_task(saved, kind, inner):
    state = make(kind).state_dict()
    if kind == "multimodal":
        state = {f"encoder.{name}": value for name, value in state.items()}
    state = {name: value for name, value in state.items() if not name.startswith("head.")}
    found = read_model(saved(state | {"proposals.0.weight": torch.ones(3)}))
    assert found.kind == inner
    assert found.left_out == {"proposals.0.weight": "the head of another task"}


def test_the_masked_encoder_of_coordinations_control(saved):
    masked, tower = masked_classifier(), tower_classifier()
    config = replace(COORDINATED["tiny"].coordinate, keys_from="masked")
    joined = CoordinatedEncoder(masked.backbone, tower.backbone, config)
    control = random(CoordinatedClassifier(joined, tower.head, masked.head))
    found = read_model(saved(control.state_dict()))
    assert (found.source, found.kind) == ("control", "masked_encoder")
    assert equal(found.state, control.backbone.masked.state_dict())
    assert "masked_head.weight" in found.left_out


def test_what_stands_beside_the_model_is_named(saved):
    state = make("masked_encoder").state_dict()
    content = {"model": state, "model_ema": state, "optimizer": {"state": {0: {"m": torch.ones(1)}}}, "epoch": 3}
    found = read_model(saved(content))
    assert found.left_out == dict.fromkeys(
        ("model_ema", "optimizer"), "beside the model: an optimizer, a moving average"
    )


def test_a_whole_module_needs_trust(saved):
    model = nn.Sequential()
    model.add_module("patch_embed", nn.Module())
    model.patch_embed.proj = nn.Conv3d(3, 96, (4, 8, 8))
    path = saved({"model": model})
    with pytest.raises(UserError, match=r"torch\.nn\.modules.*--trust"):
        open_model(str(path))
    with pytest.raises(UserError, match=r"these 2 tensors \(patch_embed\.proj\.bias"):
        open_model(str(path), trust=True)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"visual.layer1.0.conv1.weight": torch.zeros(1), "visual.proj": torch.zeros(1)}, "a CLIP with a ResNet"),
        ({"vision_model.embeddings.patch_embedding.weight": torch.zeros(1)}, "one half of a transformers CLIP"),
        ({"vision_encoder.patch_embed.proj.weight": torch.zeros(1)}, "a later InternVideo"),
        ({"cls_token": torch.zeros(1), "pos_embed": torch.zeros(1)}, "with a class token"),
        ({"fc.weight": torch.zeros(1)}, "no model that is known here"),
        ({"model": {"fc.weight": torch.zeros(1)}}, "no model that is known here"),
        ({}, "holds no model's tensors by name"),
        ({"epoch": 3, "loss": 0.5}, "holds no model's tensors by name: its keys are epoch, loss"),
        ([torch.zeros(1)], "holds no model's tensors by name: it is one object"),
        (torch.zeros(3), "holds no model's tensors by name: it is one object"),
        ({1: torch.zeros(1)}, "one of its names is '1', a int"),
        ({("a", "b"): torch.zeros(1), "c": torch.zeros(1)}, "one of its names is"),
        ({"model": {None: torch.zeros(1)}}, "one of its names is 'None'"),
    ],
)
def test_other_models_and_no_models(saved, content, says):
    with pytest.raises(UserError, match=says) as caught:
        open_model(str(saved(content)))
    assert "\n" not in str(caught.value)


def test_a_mapping_in_itself_ends(saved):
    content: dict[str, Any] = {"x": torch.zeros(1)}
    content["model"] = content
    with pytest.raises(UserError):
        open_model(str(saved(content)))


def test_every_layout_has_its_network_and_needs_names():
    assert {layout.kind for layout in LAYOUTS.values()} == BUILD.keys()
    assert all(layout.needs for layout in LAYOUTS.values())
    assert all(LAYOUTS[name].write for name in RELEASED_NAMES.values())


def test_layouts_do_not_shadow_each_other():
    """Each kind's own names and each release's lead back to their own layout."""
    for kind in BUILDERS:
        assert LAYOUTS[recognize(make(kind).state_dict())[0]].kind == kind
    for name, layout in LAYOUTS.items():
        if layout.write and layout.kind in RELEASED_NAMES:
            assert recognize(layout.write(make(layout.kind).state_dict()))[0] == name


def test_find_state_counts_what_is_no_tensor(tmp_path):
    named = find_state({"a": torch.zeros(1), "epoch": 3}, tmp_path)
    assert named.left_out == {"epoch": "no tensor"}
