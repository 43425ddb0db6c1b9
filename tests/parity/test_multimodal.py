"""The networks around the multimodal encoder against outputs of InternVideo's public release (tiny, random weights)."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from internvideo_pl.backbones.caption_decoder import CaptionDecoder, CaptionDecoderConfig
from internvideo_pl.backbones.multimodal import MultimodalConfig, MultimodalEncoder
from internvideo_pl.backbones.released_clip import inflate
from internvideo_pl.backbones.released_multimodal import (
    multimodal_from_released,
    multimodal_to_released,
    uniformer_from_released,
)
from internvideo_pl.backbones.text_tower import TextTower, TextTowerConfig
from internvideo_pl.backbones.video_tower import VideoTower, VideoTowerConfig
from internvideo_pl.heads.answer import AnswerHead, AnswerHeadConfig
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.losses.caption import caption_labels, caption_loss
from internvideo_pl.losses.contrastive import contrastive_loss, dual_softmax_loss, symmetric_cross_entropy
from internvideo_pl.objectives.align import Alignment, AlignmentConfig

HERE = Path(__file__).parent
SINGLE, DOUBLE = {"rtol": 1e-4, "atol": 1e-4}, {"rtol": 1e-6, "atol": 1e-6}
UNIFORMER_HEAD = ClassifyHeadConfig(dropout=0.5, init_scale=1.0, norm=True)


class Golden:
    """One reference file: its config and its tensors by group (sd, in, out, out64)."""

    def __init__(self, name: str) -> None:
        self.facts: dict[str, Any] = json.loads((HERE / "given" / f"{name}.json").read_text())
        self.config: dict[str, Any] = self.facts["config"]
        self.tensors = load_file(HERE / "given" / f"{name}.safetensors")

    def group(self, prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix + "/"): x for name, x in self.tensors.items() if name.startswith(prefix + "/")}

    def outputs(self, dtype: torch.dtype) -> dict[str, Tensor]:
        return self.group("out64" if dtype == torch.float64 else "out")


def tolerance(dtype: torch.dtype) -> dict[str, float]:
    return DOUBLE if dtype == torch.float64 else SINGLE


def ready(model: nn.Module, state: dict[str, Tensor], dtype: torch.dtype) -> Any:
    model.load_state_dict(state)
    return model.to(dtype).eval()


def video_config(c: dict[str, Any], **changes: Any) -> VideoTowerConfig:
    keys = {"resolution": "size", "patch": "patch", "width": "width", "layers": "depth", "heads": "heads"}
    keys |= {f"vision_{key}": ours for key, ours in keys.items() if f"vision_{key}" in c}
    sizes = {ours: c[theirs] for theirs, ours in keys.items() if theirs in c}
    return VideoTowerConfig(**sizes, num_frames=c["t_size"], global_after=tuple(c["return_list"]), **changes)


def released_order(tokens: Tensor, frames: int) -> Tensor:
    return tokens.unflatten(1, (frames, -1)).permute(2, 0, 1, 3)  # (B, T*L, D) -> (L, B, T, D)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["mm_tower_tiny_all", "mm_tower_tiny_subset"])
def test_video_tower(name: str, dtype: torch.dtype) -> None:
    golden = Golden(name)
    tower = ready(VideoTower(video_config(golden.config)), golden.group("sd"), dtype)
    want, inputs = golden.outputs(dtype), golden.group("in")
    video, image = tower(inputs["video"].to(dtype)), tower(inputs["image"].to(dtype))
    got = {
        "feats": video.pooled,
        "all_feats": released_order(video.tokens, golden.config["t_size"]),
        "image_feats": image.pooled,
        "image_all_feats": released_order(image.tokens, 1),
    }
    for key, value in want.items():
        torch.testing.assert_close(got[key], value, **tolerance(dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_text_tower(dtype: torch.dtype) -> None:
    golden = Golden("text_tower_tiny_a")
    c, state = golden.config, golden.group("sd")
    projection = state.pop("text_projection").to(dtype)
    del state["logit_scale"]
    config = TextTowerConfig(
        width=c["width"],
        depth=c["layers"],
        heads=c["heads"],
        vocab_size=c["vocab_size"],
        context_length=c["context_length"],
    )
    features = ready(TextTower(config), state, dtype)(golden.group("in")["text_ids"])
    want = golden.outputs(dtype)
    torch.testing.assert_close(features.tokens, want["text_all_feats"], **tolerance(dtype))
    torch.testing.assert_close(features.pooled @ projection, want["text_feats"], **tolerance(dtype))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_caption_decoder(dtype: torch.dtype) -> None:
    golden = Golden("caption_decoder_tiny_a")
    c, inputs = golden.config, golden.group("in")
    config = CaptionDecoderConfig(
        width=c["transformer_width"],
        depth=c["n_layers"],
        heads=c["transformer_heads"],
        vision_width=c["vision_width"],
        vocab_size=c["vocab_size"],
        queries=c["num_visual_queries"],
    )
    decoder = ready(CaptionDecoder(config), golden.group("sd"), dtype)
    visual = inputs["image_feats"].permute(1, 2, 0, 3).flatten(1, 2).to(dtype)  # (L, B, T, D) -> (B, T*L, D)
    text = inputs["text_embeds"].to(dtype)
    seen: dict[str, Tensor] = {}
    for i, layer in enumerate(decoder.multimodal_layers):
        for part, kind in zip(layer, ("self", "cross"), strict=True):
            part.register_forward_hook(lambda _, __, out, key=f"layer{i}_{kind}": seen.__setitem__(key, out))
    got = {"logits": decoder(visual, text), "visual_pooled": decoder.pool(visual)}
    got |= seen | {"features_without_predictor": decoder.features(visual, text)}
    for key, value in golden.outputs(dtype).items():
        torch.testing.assert_close(got[key], value, **tolerance(dtype))


def full_encoder(dtype: torch.dtype) -> tuple[Golden, MultimodalEncoder]:
    golden = Golden("mm_full_tiny_a")
    c = golden.config
    config = MultimodalConfig(
        video=video_config(c),
        text=TextTowerConfig(
            width=c["text_width"],
            depth=c["text_layers"],
            heads=c["text_heads"],
            vocab_size=c["vocab_size"],
            context_length=c["context_length"],
        ),
        embed_dim=c["embed_dim"],
        caption=CaptionDecoderConfig(
            width=c["text_width"],
            depth=c["dec_layers"],
            heads=c["text_heads"],
            vision_width=c["vision_width"],
            vocab_size=c["vocab_size"],
            queries=c["num_visual_queries"],
        ),
    )
    return golden, ready(MultimodalEncoder(config), multimodal_from_released(golden.group("sd")), dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_multimodal_encoder(dtype: torch.dtype) -> None:
    golden, encoder = full_encoder(dtype)
    inputs = golden.group("in")
    video, ids = inputs["video"].to(dtype), inputs["text_ids"]
    clip, sentence = encoder.visual(video), encoder.text(ids)
    clips, sentences = encoder.encode_video(video), encoder.encode_text(ids)
    logits = encoder.caption_decoder(clip.tokens, sentence.tokens[:, :-1])
    pads = inputs["special_tokens_mask"].bool()[:, 1:] & (ids[:, 1:] == 0)
    assert torch.equal(caption_labels(ids), ids[:, 1:].masked_fill(pads, -100))
    got = {
        "text_feats": sentences,
        "text_all_feats": sentence.tokens,
        "text_feats_masked": encoder.encode_text(ids, inputs["masked_indices"].bool()),
        "video_feats": clips,
        "video_all_feats": released_order(clip.tokens, golden.config["t_size"]),
        "image_feats": encoder.encode_video(video[:, :, :1]),
        "visual_pooled": encoder.caption_decoder.pool(clip.tokens),
        "cap_logits": logits,
        "contrastive_logits": encoder.similarity(clips, sentences),
        "contrastive_loss": contrastive_loss(clips, sentences, encoder.scale()),
        "cap_loss": caption_loss(logits, caption_labels(ids)),
    }
    for key, value in golden.outputs(dtype).items():
        torch.testing.assert_close(got[key], value, **tolerance(dtype))


def test_alignment_losses_and_gradients() -> None:
    golden, encoder = full_encoder(torch.float32)
    inputs, want = golden.group("in"), golden.outputs(torch.float32)
    losses = Alignment(encoder, AlignmentConfig())(inputs["video"], inputs["text_ids"])
    torch.testing.assert_close(losses["contrastive_loss"], want["contrastive_loss"], rtol=1e-5, atol=0)
    torch.testing.assert_close(losses["caption_loss"], want["cap_loss"], rtol=1e-5, atol=0)
    losses["loss"].backward()
    gradients = {name: p.grad for name, p in encoder.named_parameters() if p.grad is not None}
    sums = {name: grad.double().abs().sum().item() for name, grad in multimodal_to_released(gradients).items()}
    reference = {name: pair[1] for name, pair in golden.facts["grad_sum_and_abs_sum"].items()}
    assert sums.keys() == reference.keys()
    for name, value in reference.items():
        assert sums[name] == pytest.approx(value, rel=1e-3, abs=1e-6), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["uniformerv2_tiny_k710style", "uniformerv2_tiny_local_double"])
def test_uniformer(name: str, dtype: torch.dtype) -> None:
    golden = Golden(name)
    c = golden.config
    config = video_config(
        c, local_mixers=0 if c["no_lmhra"] else 1 + c["double_lmhra"], temporal_downsample=c["temporal_downsample"]
    )
    model = Classifier(VideoTower(config), c["num_classes"], UNIFORMER_HEAD)
    model = ready(model, uniformer_from_released(golden.group("sd")), dtype)
    seen: dict[str, Tensor] = {}
    for j, block in enumerate(model.backbone.transformer.dec):
        block.register_forward_hook(lambda _, __, out, key=f"cls_after_dec_{j}": seen.__setitem__(key, out))
    video = golden.group("in")["video"].to(dtype)
    _, blocks = model.backbone.forward_blocks(video)
    frames = video.shape[2] // (2 if c["temporal_downsample"] else 1)
    got = {f"block_{i}": released_order(x, frames).flatten(1, 2) for i, x in enumerate(blocks)}
    got |= {key: x.transpose(0, 1) for key, x in seen.items()} | {"logits": model(video)}
    for key, value in golden.outputs(dtype).items():
        rounding = 1e-6 * value.abs().max().item()  # the last block's values reach 8e3 here: float32 ends at 5e-4
        limits = tolerance(dtype)
        torch.testing.assert_close(got[key], value, rtol=limits["rtol"], atol=max(limits["atol"], rounding))


def test_question_head() -> None:
    golden = Golden("qa_head")
    head = AnswerHead(golden.config["hs"], golden.config["classes"], AnswerHeadConfig())
    state = {name.replace("vqa_classifier", "layers"): x for name, x in golden.group("sd").items()}
    logits = ready(head, state, torch.float32)(golden.group("in")["feats"])
    torch.testing.assert_close(logits, golden.group("out")["logits"], **SINGLE)


def test_contrastive_loss() -> None:
    golden = Golden("contrastive_loss")
    inputs, want = golden.group("in"), golden.group("out")
    loss = contrastive_loss(inputs["video_feats"], inputs["text_feats"], inputs["logit_scale"].exp())
    torch.testing.assert_close(loss, want["loss"], rtol=1e-5, atol=0)


def test_retrieval_losses() -> None:
    golden = Golden("retrieval_losses")
    sim, want = golden.group("in")["sim"], golden.group("out")
    torch.testing.assert_close(symmetric_cross_entropy(sim), want["symmetric"], rtol=1e-5, atol=0)
    torch.testing.assert_close(dual_softmax_loss(sim), want["dual_softmax_per_row"].mean(), rtol=1e-5, atol=0)


def test_inflated_patch_embedding() -> None:
    golden = Golden("inflate_weight")
    weight, want = golden.group("in")["w2d"], golden.group("out")
    assert torch.equal(inflate(weight, 1), want["t1_center"])
    assert torch.equal(inflate(weight, 3), want["t3_center"])
    torch.testing.assert_close(inflate(weight, 3, centre=False), want["t3_mean"])
