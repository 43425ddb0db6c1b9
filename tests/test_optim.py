"""Parameter groups and schedules against the reference's, and moving averages by their formula."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch import nn

from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder, MaskedDecoderConfig
from internvideo_pl.backbones.masked_vit import MaskedEncoder, MaskedViTConfig
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.optim import OptimizerConfig, build_optimizer, param_groups, rate_at

GIVEN = Path(__file__).parent / "parity" / "given"
ENCODER = MaskedViTConfig(width=16, depth=3, heads=2, patch_size=4, image_size=16, num_frames=4)


def facts(name):
    return json.loads((GIVEN / f"{name}.json").read_text())


def assignment(groups, names="names"):
    """Name -> (weight decay, learning-rate factor)."""
    return {name: (group["weight_decay"], round(group["lr_scale"], 12)) for group in groups for name in group[names]}


def test_layer_decay_groups_are_the_reference_s():
    described = facts("layer_decay_groups_tiny")
    model = Classifier(MaskedEncoder(ENCODER), 5, ClassifyHeadConfig())
    config = OptimizerConfig(lr=1.0, weight_decay=0.05, layer_decay=described["config"]["layer_decay"])
    ours = {name.removeprefix("backbone."): value for name, value in assignment(param_groups(model, config)).items()}
    assert ours == assignment(described["groups"].values(), "params")


def test_pretraining_groups_are_the_reference_s():
    described = facts("pretrain_param_groups")
    encoder = MaskedEncoder(replace(ENCODER, depth=2, pooling="tokens"))
    model = MaskedAutoencoder(encoder, MaskedDecoderConfig(width=8, heads=2, depth=1))
    ours = assignment(param_groups(model, OptimizerConfig(lr=1.0, weight_decay=0.05)))
    assert ours == assignment(described["groups"].values(), "params")


class Named(nn.Module):
    """Parameters under given dotted names, each with as many dimensions as asked for."""

    def __init__(self, dimensions):
        super().__init__()
        self.dimensions = dimensions

    def named_parameters(self, *_, **__):
        return ((name, nn.Parameter(torch.zeros([1] * ndim))) for name, ndim in self.dimensions.items())


def released_dimensions(key_list):
    rows = (GIVEN.parent / "keys" / f"{key_list}.txt").read_text().splitlines()
    return {row.split("\t")[0]: len(json.loads(row.split("\t")[1])) for row in rows if not row.startswith("#")}


def test_multimodal_groups_are_the_reference_s():
    described = facts("cotrain_param_groups")
    reference = {n: (g["weight_decay"], round(g["lr"] / 1e-5, 12)) for g in described["groups"] for n in g["names"]}
    head = {"vqa_classifier.1.weight": 2, "vqa_classifier.5.weight": 2}
    known = released_dimensions("internvideo_mm_b16_dec4") | head
    model = Named({name: known.get(name, 1) for name in reference})
    ours_alone = ("logit_scale", "text_mask_embedding", "visual.transformer.temporal_cls_token")
    ours_alone += ("visual.transformer.balance", "visual.transformer.dpe", "visual.transformer.dec")
    factors = {"clip.": 0.5, **{f"clip.{name}": 1.0 for name in ours_alone}, "vqa_classifier": 10.0}
    config = OptimizerConfig(lr=1e-5, weight_decay=0.01, no_decay="multimodal", lr_factors=factors)
    assert assignment(param_groups(model, config)) == reference


def test_recognition_groups_are_the_reference_s():
    described = facts("uniformerv2_param_groups")
    reference = {name: g["weight_decay"] for g in described["groups"] for name in g["names"]}
    known = released_dimensions("uniformerv2_ssv2_b16_f16")
    names = {name: known[name] for name in reference if name in known}
    assert len(names) > 0.7 * len(reference)  # the golden also has second local blocks, which that checkpoint lacks
    groups = param_groups(Named(names), OptimizerConfig(lr=1.0, weight_decay=0.05, no_decay="recognition"))
    assert {name: group["weight_decay"] for group in groups for name in group["names"]} == {
        name: reference[name] for name in names
    }


def test_cosine_schedule_is_the_reference_s():
    described = facts("cosine_schedule")
    for spec, values in zip(described["config"]["specs"], described["values"], strict=True):
        total, warmup = spec["epochs"] * spec["niter_per_ep"], spec["warmup_epochs"] * spec["niter_per_ep"]
        config = OptimizerConfig(lr=spec["base_value"], min_lr=spec["final_value"], warmup=warmup)
        assert [rate_at(step, total, config) for step in range(total)] == pytest.approx(values, rel=1e-12)
        fraction = replace(config, warmup=warmup / total)
        assert rate_at(warmup - 1, total, fraction) == spec["base_value"]


def test_other_schedules():
    linear = OptimizerConfig(lr=2.0, min_lr=1.0, schedule="linear")
    assert [rate_at(step, 4, linear) for step in range(5)] == [2.0, 1.75, 1.5, 1.25, 1.0]
    constant = OptimizerConfig(lr=2.0, schedule="constant", warmup=3, start_lr=1.0)
    assert [rate_at(step, 6, constant) for step in range(6)] == [1.0, 1.5, 2.0, 2.0, 2.0, 2.0]
    cosine = OptimizerConfig(lr=2.0, min_lr=1.0)
    assert rate_at(1, 4, cosine) == pytest.approx(1 + 0.5 * (1 + math.cos(math.pi / 4)))
    assert rate_at(99, 4, cosine) == 1.0  # a run that goes on stays at the end


def test_optimizer_follows_schedule_group_and_batch():
    model = Classifier(MaskedEncoder(ENCODER), 5, ClassifyHeadConfig())
    config = OptimizerConfig(lr=1e-3, scale_lr=True, layer_decay=0.5, warmup=2, betas=(0.9, 0.95), eps=1e-6)
    optimizer, scheduler = build_optimizer(model, config, total_steps=4, global_batch=512)
    assert optimizer.defaults["betas"] == (0.9, 0.95)
    assert optimizer.defaults["eps"] == 1e-6
    seen = []
    for _ in range(4):
        seen.append({group["lr_scale"]: group["lr"] for group in optimizer.param_groups})
        optimizer.step()
        scheduler.step()
    assert seen[0] == dict.fromkeys(seen[0], 0.0)  # the warm-up starts at zero
    assert seen[1] == {scale: pytest.approx(2e-3 * scale) for scale in (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)}
    assert seen[3] == {scale: pytest.approx(1e-3 * scale) for scale in seen[3]}  # half way down the cosine
    names = [group["name"] for group in optimizer.param_groups]
    assert len(set(names)) == len(names)


def test_every_trainable_parameter_is_in_one_group_and_no_frozen_one():
    model = Classifier(MaskedEncoder(ENCODER), 5, ClassifyHeadConfig())
    model.backbone.blocks[0].requires_grad_(False)
    grouped = [id(param) for group in param_groups(model, OptimizerConfig(lr=1.0)) for param in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(param) for param in model.parameters() if param.requires_grad}


def test_the_optimizer_can_be_saved_and_restored():
    model = nn.Linear(2, 2)
    config = OptimizerConfig(lr=1.0, warmup=2)
    optimizer, scheduler = build_optimizer(model, config, 10, 1)
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    again, schedule = build_optimizer(model, config, 10, 1)
    again.load_state_dict(optimizer.state_dict())
    schedule.load_state_dict(scheduler.state_dict())
    assert schedule.get_last_lr() == scheduler.get_last_lr()


def test_moving_average_formula():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    callback = EMAWeightAveraging(decay=0.9999)
    average = torch.optim.swa_utils.AveragedModel(model, use_buffers=True, **callback._kwargs)
    average.update_parameters(model)  # the first update copies
    before = {name: value.clone() for name, value in average.module.state_dict().items()}
    with torch.no_grad():
        for value in (*model.parameters(), *(b for b in model.buffers() if b.is_floating_point())):
            value.add_(torch.randn_like(value))
    average.update_parameters(model)
    for name, value in average.module.state_dict().items():
        if value.is_floating_point():
            expected = 0.9999 * before[name].double() + 0.0001 * model.state_dict()[name].double()
            torch.testing.assert_close(value.double(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"no_decay": "maskd"}, "unknown no_decay 'maskd'. Did you mean 'masked'?"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin'. Did you mean 'cosine'?"),
        ({"lr": 0.0}, "lr=0.0 must be positive"),
        ({"layer_decay": 0.0}, "layer_decay=0.0 above 0"),
    ],
)
def test_impossible_settings(change, sentence):
    with pytest.raises(UserError, match=sentence.replace("?", r"\?")):
        OptimizerConfig(**{"lr": 1.0, **change})


def test_nothing_trainable_and_unknown_prefix():
    model = nn.ModuleDict({"head": nn.Linear(2, 2)})
    with pytest.raises(UserError, match=r"no trainable parameter is named haed\*. Did you mean 'head'"):
        param_groups(model, OptimizerConfig(lr=1.0, lr_factors={"haed": 10.0}))
    with pytest.raises(UserError, match="every parameter of this model is frozen"):
        param_groups(model.requires_grad_(False), OptimizerConfig(lr=1.0))


def test_sgd_divides_its_rate_by_ten_at_each_milestone():
    config = OptimizerConfig(
        lr=1e-3, algorithm="sgd", momentum=0.9, weight_decay=1e-4, schedule="steps", milestones=[0.4, 0.8]
    )
    rates = [rate_at(epoch, 50, config) for epoch in (0, 19, 20, 39, 40, 49)]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])  # mmaction's steps at epochs 20 and 40 of 50
    optimizer, _ = build_optimizer(nn.Linear(2, 2), config, 50, 8)
    assert isinstance(optimizer, torch.optim.SGD)
    assert all(group["nesterov"] and group["momentum"] == 0.9 for group in optimizer.param_groups)
    with pytest.raises(UserError, match="Did you mean 'sgd'"):
        OptimizerConfig(lr=1.0, algorithm="sdg")
