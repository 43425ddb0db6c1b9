from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from internvideo_pl.backbones.multimodal_sizes import VIDEO_TOWER
from internvideo_pl.backbones.video_tower import VideoTower, VideoTowerConfig
from internvideo_pl.errors import UserError

SMALL = VideoTowerConfig(size=16, patch=8, width=24, depth=3, heads=2, global_after=(1, 2), num_frames=3)


def tower(**changes: object) -> VideoTower:
    torch.manual_seed(0)
    return VideoTower(replace(SMALL, **changes))  # type: ignore[arg-type]


def awake(model: VideoTower) -> VideoTower:
    """All parameters random, so that nothing that starts at zero hides a mistake."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model


def clip(frames: int = 3, batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, frames, 16, 16)


def test_shapes_and_interface() -> None:
    model = tower()
    features, blocks = model.forward_blocks(clip())
    assert features.tokens.shape == (2, 3 * 5, 24)
    assert features.pooled.shape == (2, 24)
    assert features.grid == (3, 2, 2)
    assert model.embed_dim == 24
    assert len(model.blocks) == len(blocks) == 3
    assert torch.equal(blocks[-1], features.tokens)
    assert (model.input.num_frames, model.input.size) == (3, 16)
    assert model.input.mean == pytest.approx((0.48145466, 0.4578275, 0.40821073))


def test_every_parameter_gets_a_gradient() -> None:
    model = awake(tower(local_mixers=2, temporal_downsample=True))
    features = model(clip(4))
    (features.pooled.square().mean() + features.tokens.square().mean()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_fresh_tower_gives_the_frame_average() -> None:
    """The contract that keeps CLIP's knowledge: up to its length, the feature is the mean class token."""
    model = tower().eval()
    video = clip()
    alone = torch.stack([model(video[:, :, t : t + 1]).pooled for t in range(3)]).mean(0)
    torch.testing.assert_close(model(video).pooled, alone)
    frame = model(video[:, :, :1])
    torch.testing.assert_close(frame.pooled, 0.5 * frame.tokens[:, 0])
    normalised = F.layer_norm(frame.pooled, (24,)), F.layer_norm(frame.tokens[:, 0], (24,))
    torch.testing.assert_close(*normalised, rtol=1e-3, atol=1e-3)  # LN's eps is all that differs


def test_global_blocks_do_not_touch_the_frames() -> None:
    model = awake(tower()).eval()
    video = clip()
    before = model(video)
    with torch.no_grad():
        for part in (*model.transformer.dpe, *model.transformer.dec):
            for parameter in part.parameters():
                parameter.add_(0.1)
    after = model(video)
    assert torch.equal(before.tokens, after.tokens)
    assert not torch.allclose(before.pooled, after.pooled)


def test_frames_see_each_other_only_through_the_global_blocks() -> None:
    model = awake(tower()).eval()
    video, changed = clip(), clip()
    changed[:, :, :2] = video[:, :, :2]
    first, second = model(video).tokens.unflatten(1, (3, 5)), model(changed).tokens.unflatten(1, (3, 5))
    assert torch.equal(first[:, :2], second[:, :2])
    assert not torch.allclose(first[:, 2], second[:, 2])


def test_position_encoding_makes_the_order_of_frames_count() -> None:
    video = clip()
    blind = awake(tower()).eval()
    with torch.no_grad():
        for layer in blind.transformer.dpe:
            layer.weight.zero_()  # type: ignore[union-attr,operator]
    torch.testing.assert_close(blind(video).pooled, blind(video.flip(2)).pooled)
    seeing = awake(tower()).eval()
    assert not torch.allclose(seeing(video).pooled, seeing(video.flip(2)).pooled, rtol=1e-3, atol=1e-3)


def test_checkpointing_changes_nothing_but_memory() -> None:
    video = clip()
    gradients = []
    for checkpointing in (False, True):
        model = awake(tower(checkpointing=checkpointing, global_dropout=0.0)).train()
        torch.manual_seed(1)
        awake(model)(video).pooled.sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_frozen_tower_trains_the_global_part_only() -> None:
    model = tower(frozen=True)
    assert not hasattr(model.transformer, "balance") or model.transformer.balance is None
    trainable = {name.split(".")[1] for name, p in model.named_parameters() if p.requires_grad}
    assert trainable == {"temporal_cls_token", "dpe", "dec"}
    assert torch.equal(model(clip()).pooled, torch.zeros(2, 24))  # the query token, still at its start


def test_drop_path_skips_whole_videos() -> None:
    model = awake(tower(drop_path=0.9, depth=2, global_after=())).train()
    video = clip(batch=64)
    block = model.blocks[1]
    x = torch.randn(64, 3, 5, 24)
    skipped = (block(x, (2, 2)) == x).flatten(1)
    assert torch.equal(skipped.all(1), skipped.any(1))  # a video is skipped with all its frames or not at all
    assert skipped.all(1).any()
    assert torch.equal(model.eval()(video).tokens, model(video).tokens)


def test_other_sizes_are_refused() -> None:
    with pytest.raises(UserError, match="frames of 16 x 16 pixels, not 24 x 16"):
        tower()(torch.randn(1, 3, 3, 24, 16))


def test_compiles_without_graph_breaks() -> None:
    explanation = torch._dynamo.explain(tower().eval())(clip())
    assert (explanation.graph_count, explanation.graph_break_count) == (1, 0)


@pytest.mark.parametrize("size", VIDEO_TOWER)
def test_every_size_runs_on_the_meta_device(size: str) -> None:
    config = VIDEO_TOWER[size]
    with torch.device("meta"):
        features = VideoTower(config)(torch.empty(1, 3, config.num_frames, config.size, config.size))
    side = config.size // config.patch
    assert features.tokens.shape == (1, config.num_frames * (1 + side * side), config.width)
