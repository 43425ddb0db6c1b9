"""The contenders compute the same thing; a comparison says everything that it should."""

import re
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.testing import assert_close

from internvideo_pl.backbones.compiled import compile_blocks
from internvideo_pl.backbones.masks import Masks
from internvideo_pl.backbones.released_clip import clip_from_openai, inflate, openai_from_transformers
from internvideo_pl.bench import clip, models, videomae

THEIR_BLOCK = {
    "attention.output.dense": "attn.proj",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "attention.attention.query.bias": "attn.q_bias",
    "attention.attention.value.bias": "attn.v_bias",
}
THEIR_STEM = {
    "videomae.embeddings.patch_embeddings.projection": "encoder.patch_embed.proj",
    "videomae.layernorm": "encoder.norm",
    "decoder.decoder_layers": "decoder.blocks",
    "videomae.encoder.layer": "encoder.blocks",
}


def renamed(state):
    """transformers' VideoMAE under our names."""
    ours = {}
    for name, value in state.items():
        for theirs, own in (THEIR_STEM | THEIR_BLOCK).items():
            name = name.replace(theirs, own)
        ours[name] = value
    for name in [name for name in ours if ".attention.attention.query.weight" in name]:
        parts = [ours.pop(name.replace("query", part)) for part in ("query", "key", "value")]
        ours[name.replace("attention.attention.query", "attn.qkv")] = torch.cat(parts)
    return ours


def awake(model):
    """The model with its zero biases moved, so that they count."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return model.eval()


def test_pretraining_is_the_same_function():
    theirs = awake(videomae.their_pretraining("tiny"))
    ours = videomae.our_pretraining("tiny").eval()
    ours.model.load_state_dict(renamed(theirs.state_dict()))
    video, hidden = videomae.clips("tiny", 2), videomae.tube_masks("tiny", 2)
    loss = ours(video, Masks.from_hidden(hidden))["loss"]
    assert_close(loss, theirs(video.transpose(1, 2), hidden).loss, rtol=1e-4, atol=1e-5)


def test_recognition_is_the_same_function():
    theirs = awake(videomae.their_classifier("tiny"))
    ours = videomae.our_classifier("tiny").eval()
    state = {re.sub(r"^encoder\.", "backbone.", name): value for name, value in renamed(theirs.state_dict()).items()}
    heads = {"fc_norm": "backbone.fc_norm", "classifier": "head"}
    ours.load_state_dict({re.sub(r"^(fc_norm|classifier)", lambda m: heads[m[0]], n): v for n, v in state.items()})
    video = videomae.clips("tiny", 2)
    assert_close(ours(video), theirs(video.transpose(1, 2)).logits, rtol=1e-4, atol=1e-4)


def test_towers_are_the_same_function():
    theirs = awake(clip.their_towers("tiny"))
    ours = clip.our_towers("tiny").eval()
    state = clip_from_openai(openai_from_transformers(theirs.state_dict()))
    state["visual.conv1.weight"] = inflate(state["visual.conv1.weight"], 1)
    missing, unexpected = ours.load_state_dict(state, strict=False)
    assert not unexpected
    with torch.no_grad():
        ours.visual.transformer.balance.fill_(100)  # the mean class token alone: CLIP's feature
    images, ids = clip.frames("tiny", 3), clip.sentences("tiny", 4)
    assert_close(ours(images[:, :, None], ids), theirs(ids, images).logits_per_image, rtol=1e-4, atol=1e-4)
    assert {name for name in missing if "position_ids" not in name} == {
        "visual.transformer.temporal_cls_token",
        "visual.transformer.balance",
        "text.text_mask_embedding",
    }


def test_masks_hide_the_same_cells_in_every_slot():
    hidden = videomae.tube_masks("base", 3).view(3, 8, 196)
    assert (hidden == hidden[:, :1]).all()
    assert hidden.sum(dim=(1, 2)).tolist() == [8 * 176] * 3


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(models, "BATCH", {"tiny": 2})
    monkeypatch.setattr(models, "peak_memory", lambda contender: 2**30)
    monkeypatch.setattr(models, "matmul_rate", lambda dtype, layers: 1e12)


@pytest.mark.parametrize("compare", [models.pretraining, models.recognition, models.alignment, models.matching])
def test_a_comparison_at_the_tiny_size(quick, compare):
    section = models.measure(compare("tiny"), rounds=1)
    names = [row["contender"] for row in section.rows]
    assert names[:4] == [models.THEIRS_FULL, models.OURS_FULL, models.THEIRS_HALF, models.OURS_HALF]
    assert (names[4:] == [models.RUNNING]) == (compare is models.pretraining)
    for row in section.rows:
        assert row["times theirs"] > 0
        assert row["peak GiB"] == 1
        assert row["GFLOP/s"] == pytest.approx(10 * row["% of products"])  # at 1000 GFLOP/s for products
        samples = next(value for name, value in row.items() if name in ("clips/s", "pairs/s"))
        assert row["tokens/s"] == pytest.approx(samples * {1: 72, 4: 69}[4 if "pairs/s" in row else 1], rel=0.01)
    assert [goal.what for goal in section.goals] == [
        "ours, float32, times the speed of transformers, float32",
        "ours, bf16, times the speed of transformers, bf16",
    ]
    assert "nothing in bf16 could be more than" in section.notes[-1]


def test_goals_of_the_base_size():
    assert models.pretraining("base").goals == {
        (models.OURS_FULL, models.THEIRS_FULL): 1.1,
        (models.OURS_HALF, models.THEIRS_FULL): 2.5,
    }
    comparison = models.pretraining("base")
    assert comparison.flops / comparison.samples == pytest.approx(0.200e12, rel=0.01)  # 33.4 billion MAC, three passes
    assert comparison.fewer[models.RUNNING] < 0.75 * comparison.flops


def test_a_processor_compares_what_it_always_did():
    assert models.sizes_of(on_gpu=False, everything=False) == ["small", "base"]
    assert models.sizes_of(on_gpu=False, everything=True) == ["small", "base", "large"]
    comparison = models.recognition("base")
    assert (comparison.title, comparison.samples) == ("recognition, ViT-base: one clip", 1)
    assert models.pretraining("large").title == "masked pretraining, ViT-large: a step of 2 clips"
    assert models.alignment("base").samples == 8
    assert models.COMPILED not in models.pretraining("base").builds


def test_a_gpu_compares_the_paper_s_sizes():
    assert models.sizes_of(on_gpu=True, everything=False) == ["base", "large", "huge"]
    assert models.sizes_of(on_gpu=True, everything=True) == ["small", "base", "large", "huge"]
    huge, recognized = models.pretraining("huge", 2), models.recognition("huge", 2)
    assert huge.flops / 2 == pytest.approx(0.98e12, rel=0.01)
    assert recognized.flops / 2 == pytest.approx(7.15e12 / 3, rel=0.01)  # forward alone
    assert recognized.title == "recognition, ViT-huge: 2 clips"


@pytest.mark.parametrize("compare", [models.pretraining, models.recognition, models.alignment, models.matching])
def test_on_a_gpu_the_batch_fits_and_ours_is_compiled_too(compare, quick, monkeypatch):
    """The device's memory is played: so many samples of all contenders, and of one more for the compiled one."""
    asked = []

    def all_fit(builds):
        samples = {build.args[1] for build in builds}
        asked.append((len(builds), *samples))
        return max(samples) <= 5

    monkeypatch.setattr(models, "all_fit", all_fit)
    comparison = models.fitting(compare, "tiny")
    assert comparison.samples == 4
    assert [batch for _, batch in asked] == [1, 2, 4, 8]
    assert {count for count, _ in asked} == {len(comparison.builds)}
    compiled = comparison.builds[models.COMPILED]
    assert compiled.args == ("tiny", 4, True)
    assert compiled.keywords == {"compiled": True}
    assert comparison.flops == compare("tiny", 4).flops


def test_the_compiled_contender_computes_the_same(monkeypatch):
    """Through another backend than a GPU's, which needs no compiler; the blocks' calls are counted."""
    compiled = []

    def backend(graph, inputs):
        compiled.append(graph)
        return graph.forward

    for module in (videomae, clip):
        monkeypatch.setattr(module, "compile_blocks", partial(compile_blocks, backend=backend))
    torch.manual_seed(0)
    plain = videomae.our_classifier("tiny").eval()
    monkeypatch.setattr(videomae, "our_classifier", lambda size: plain)
    scores = []
    monkeypatch.setattr(videomae, "inference", lambda call, half: scores.append(call()))
    torch.manual_seed(1)
    videomae.classify_ours("tiny", 2, False)
    assert not compiled
    torch.manual_seed(1)
    videomae.classify_ours("tiny", 2, False, compiled=True)
    assert compiled
    assert_close(scores[1], scores[0], rtol=1e-4, atol=1e-5)
    for build in (videomae.pretrain_ours, clip.align_ours, clip.match_ours):
        assert callable(build("tiny", 2, False, compiled=True))


def test_mfu_is_a_share_of_the_data_sheet_s_peak(quick, monkeypatch):
    monkeypatch.setattr(models, "_peak", lambda: 1e12)
    comparison = models.pretraining("tiny")
    builds = {**comparison.builds, models.COMPILED: comparison.builds[models.OURS_HALF]}
    section = models.measure(replace(comparison, builds=builds, mfu=30.0), rounds=1)
    for row in section.rows:
        assert row["MFU %"] == pytest.approx(row["GFLOP/s"] / 10)
    assert section.goals[-1].what == "ours, bf16, compiled: MFU, % of the dense bf16 peak"
    assert section.goals[-1].measured == section.rows[-1]["MFU %"]
    assert models.MFU_GOALS["pretraining"] == {"base": 30, "large": 40, "huge": 45}
