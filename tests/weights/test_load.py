"""From a file to a network that computes: equal to the reference, in memory once, and of the right sizes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.models import networks
from internvideo_pl.models.plain import to_plain
from internvideo_pl.weights.lineage import file_hash
from internvideo_pl.weights.load import build_model, fill, read_model
from internvideo_pl.weights.recognize import LAYOUTS
from internvideo_pl.weights.tensor_file import write_tensor_file
from tests.weights.conftest import BUILDERS, equal, make

GIVEN = Path(__file__).parents[1] / "parity" / "given"
CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.mark.parametrize(
    ("kind", "form"), [*((kind, "safetensors") for kind in BUILDERS), ("multimodal", "pth"), ("multimodal", "legacy")]
)
def test_a_network_comes_back_as_it_was_saved(saved, tmp_path, kind, form):
    model = make(kind)
    if form == "safetensors":
        path = write_tensor_file(model.state_dict(), tmp_path / "x.safetensors", {})
    else:
        path = saved(model.state_dict(), legacy=form == "legacy")
    again = build_model(read_model(path))
    assert type(again) is type(model)
    assert equal(again.state_dict(), model.state_dict())
    assert not any(value.is_meta for value in (*again.parameters(), *again.buffers()))
    assert {n: p.requires_grad for n, p in again.named_parameters()} == {
        n: p.requires_grad for n, p in BUILDERS[kind]().named_parameters()
    }


def golden(name: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, object]]:
    tensors = load_file(GIVEN / f"{name}.safetensors")
    state = {key.removeprefix("sd/"): value for key, value in tensors.items() if key.startswith("sd/")}
    return state, tensors, json.loads((GIVEN / f"{name}.json").read_text())["config"]


def test_reference_fine_tuned_file_to_reference_output(saved):
    state, tensors, sizes = golden("videomae_finetune_tiny_a")
    found = read_model(saved({"module": state, "epoch": 1}))
    assert found.source == "videomae_finetune"
    frames, size = sizes.get("frames", sizes.get("all_frames")), sizes["img_size"]
    config = replace(found.config, heads=sizes["num_heads"], image_size=size, num_frames=frames, table_size=size)
    config = replace(config, table_frames=frames)
    model = Classifier(MaskedEncoder(config), found.num_classes or 0, ClassifyHeadConfig()).eval()
    assert fill(model, found).share == 1
    with torch.no_grad():
        torch.testing.assert_close(model(tensors["in/video"]), tensors["out/logits"], **CLOSE)


def test_reference_multimodal_file_to_reference_output(saved):
    state, tensors, sizes = golden("mm_full_tiny_a")
    found = read_model(saved({"state_dict": state}))
    config = found.config
    video = replace(config.video, heads=sizes["vision_heads"], num_frames=sizes["t_size"])
    text = replace(config.text, heads=sizes["text_heads"])
    assert config.video.global_after == tuple(sizes["return_list"])
    assert (config.text.context_length, config.caption.depth, config.caption.queries) == (12, 2, 16)
    model = MultimodalEncoder(replace(config, video=video, text=text)).eval()
    assert fill(model, found).share == 1
    with torch.no_grad():
        torch.testing.assert_close(model.encode_video(tensors["in/video"]), tensors["out/video_feats"], **CLOSE)


def test_heads_that_nobody_knows_are_not_guessed(saved):
    state, _, _ = golden("videomae_pretrain_tiny_a")
    found = read_model(saved(state))
    with pytest.raises(UserError, match=r"how many attention heads .* cannot be read from it"):
        build_model(found)


def test_our_own_files_say_what_tensors_cannot(saved, tmp_path):
    config = replace(make("masked_classifier").backbone.config, heads=2, num_frames=16, image_size=64)
    model = Classifier(MaskedEncoder(config), 5, ClassifyHeadConfig())
    note: dict[str, object] = {"kind": "masked_classifier", "network": to_plain(networks.describe(model)[1])}
    again = build_model(read_model(write_tensor_file(model.state_dict(), tmp_path / "x.safetensors", note)))
    assert again.backbone.config == config
    assert build_model(read_model(saved(model.state_dict()))).backbone.config.heads == 4  # the published size's


@pytest.mark.parametrize(
    "noted",
    [
        {"encoder": {"heads": 10**9}},
        {"encoder": {"heads": 0}},
        {"encoder": {"heads": "many"}},
        {"encoder": {"heads": True}},
        {"encoder": {"depth": 10**9, "width": 7}},
        {"encoder": 5},
        {"surprise": {}},
        [],
        "text",
    ],
)
def test_notes_cannot_change_what_tensors_say(tmp_path, noted):
    model = make("masked_classifier")
    note = {"kind": "masked_classifier", "network": noted}
    path = write_tensor_file(model.state_dict(), tmp_path / "x.safetensors", note)
    assert build_model(read_model(path)).backbone.config == model.backbone.config


def test_blocks_without_end_are_refused(saved):
    state = make("masked_encoder").state_dict()
    state |= {f"blocks.{i}.norm1.bias": torch.zeros(1) for i in range(300)}
    with pytest.raises(UserError, match=r"name 300 blocks \(blocks\.N\)"):
        read_model(saved(state))


def test_lineage_is_the_files_hash(saved):
    path = saved(make("masked_encoder").state_dict())
    found = read_model(path)
    assert found.lineage.lines() == [f"file weights.pth  sha256 {file_hash(path)}"]


def test_a_file_is_in_memory_once(saved):
    """What is read stays in the file: the network's tensors are mapped, not copied."""
    wide = {name: torch.zeros(8 << 20) for name in "abcd"}  # 128 MiB
    path = saved(make("masked_encoder").state_dict() | {"mask_token": torch.zeros(1)} | wide)
    before = anonymous_memory()
    from internvideo_pl.weights.container import open_file

    contents = open_file(path)
    assert sum(float(value.sum()) for value in contents.tree.values() if value.numel() > 1 << 20) == 0
    assert anonymous_memory() - before < 40 << 20


def anonymous_memory() -> int:
    """Bytes of this process's memory that no file stands behind."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def test_training_a_loaded_network_leaves_its_file_alone(saved):
    path = saved(make("masked_encoder").state_dict())
    before = file_hash(path)
    model = build_model(read_model(path))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    assert file_hash(path) == before


def test_release_names_lead_to_equal_networks(saved):
    for kind, layout in (("masked_classifier", "videomae_finetune"), ("video_tower_classifier", "uniformerv2")):
        model = make(kind)
        again = build_model(read_model(saved({"model": LAYOUTS[layout].write(model.state_dict())})))
        video = torch.randn(2, 3, again.input.num_frames, again.input.size, again.input.size)
        with torch.no_grad():
            assert torch.equal(again.eval()(video), model(video))


def test_the_read_model_has_what_others_build_on(saved):
    found = read_model(str(saved(make("coordinated").state_dict())))
    assert found.num_classes == 5
    assert found.config == make("coordinated").backbone.masked.config
    assert isinstance(build_model(found), nn.Module)
