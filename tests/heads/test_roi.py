"""RoIAlign against loops over boxes, bins and points, against torchvision's where it is installed; the heads on it."""

import math

import pytest
import torch
from torch import Tensor

from internvideo_pl.backbones.coordinate import CoordinatedEncoder
from internvideo_pl.backbones.features import Features
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.multimodal_sizes import VIDEO_TOWER
from internvideo_pl.backbones.sizes import COORDINATED, MASKED_VIT
from internvideo_pl.backbones.video_tower import VideoTower
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import ClassifyHeadConfig
from internvideo_pl.heads.roi import BoxClassifier, CoordinatedBoxClassifier, roi_align, token_map


def bilinear(image: Tensor, y: float, x: float) -> Tensor:
    """Value (D,) of a map (D, H, W) at a point; nothing further than one cell outside."""
    height, width = image.shape[1:]
    if y < -1 or y > height or x < -1 or x > width:
        return torch.zeros(len(image), dtype=image.dtype)
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = min(int(y), height - 1), min(int(x), width - 1)
    down, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    above = image[:, top, left] * (1 - dx) + image[:, top, right] * dx
    below = image[:, down, left] * (1 - dx) + image[:, down, right] * dx
    return above * (1 - dy) + below * dy


def slow(features: Tensor, boxes: Tensor, clip: Tensor, size: int, scale: float, points: int) -> Tensor:
    out = torch.zeros(len(boxes), features.shape[1], size, size, dtype=features.dtype)
    for r, (box, number) in enumerate(zip(boxes.tolist(), clip.tolist(), strict=True)):
        x, y = box[0] * scale - 0.5, box[1] * scale - 0.5
        wide, high = (box[2] - box[0]) * scale / size, (box[3] - box[1]) * scale / size
        rows, columns = points or max(math.ceil(high), 0), points or max(math.ceil(wide), 0)
        for i in range(size):
            for j in range(size):
                for a in range(rows):
                    for b in range(columns):
                        at = y + (i + (a + 0.5) / rows) * high, x + (j + (b + 0.5) / columns) * wide
                        out[r, :, i, j] += bilinear(features[number], *at) / (rows * columns)
    return out


def case(seed: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """A map of 2 clips, 5 x 9 cells; boxes inside, across borders, far outside, larger than the map, of no area."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(2, 3, 5, 9, generator=generator, dtype=dtype)
    low = torch.rand(6, 2, generator=generator) * torch.tensor([9.0, 5.0]) - 1
    boxes = torch.cat([low, low + torch.rand(6, 2, generator=generator) * 6], dim=1)
    special = [
        [-3, -2, 14, 8],
        [0, 0, 9, 5],
        [20, 20, 25, 22],
        [2, 2, 2, 2],
        [4, 1, 4, 5],
        [-8, -8, -6, -7],
        [0, 0, 1, 1],
    ]
    boxes = torch.cat([boxes, torch.tensor(special, dtype=torch.float32)]).double()
    return features, boxes, torch.arange(len(boxes)) % 2


@pytest.mark.parametrize("points", [0, 1, 2])
@pytest.mark.parametrize(("size", "scale"), [(3, 1.0), (2, 0.5), (7, 1.0)])
def test_equals_loops(size: int, scale: float, points: int) -> None:
    features, boxes, clip = case(size + points)
    boxes = (boxes * 64).round() / 64 / scale  # exact in float32, where the product computes
    wanted = slow(features, boxes, clip, size, scale, points)
    torch.testing.assert_close(roi_align(features, boxes, clip, size, scale, points), wanted, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("points", [0, 2])
@pytest.mark.parametrize("seed", range(3))
def test_equals_torchvision_with_its_gradient(seed: int, points: int) -> None:
    try:
        from torchvision import ops
    except (ImportError, RuntimeError):  # the latter where it was built for another PyTorch
        pytest.skip("torchvision is not installed, or not for this PyTorch: nothing here needs it")
    features, boxes, clip = case(seed, torch.float32)
    mine, theirs = features.clone().requires_grad_(), features.clone().requires_grad_()
    ours = roi_align(mine, boxes.float(), clip, 7, 0.75, points)
    rois = torch.cat([clip[:, None].float(), boxes.float()], dim=1)
    other = ops.roi_align(theirs, rois, 7, 0.75, points or -1, aligned=True)
    torch.testing.assert_close(ours, other, atol=1e-5, rtol=1e-5)
    weight = torch.randn_like(other)
    (ours * weight).sum().backward()
    (other * weight).sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-5, rtol=1e-5)


def test_the_gradient_is_that_of_finite_differences() -> None:
    features, boxes, clip = case(0)
    assert torch.autograd.gradcheck(lambda x: roi_align(x, boxes, clip, 2), features.requires_grad_(), fast_mode=True)


def test_a_plane_is_sampled_exactly() -> None:
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    plane = (2 * columns + 3 * rows)[None, None]  # at (x, y) of the picture: 2 (x - .5) + 3 (y - .5)
    window = roi_align(plane, torch.tensor([[1.0, 2.0, 5.0, 6.0]]), torch.tensor([0]), size=4)
    centre = torch.arange(4) + 0.5
    wanted = 2 * (1 + centre[None] - 0.5) + 3 * (2 + centre[:, None] - 0.5)
    torch.testing.assert_close(window[0, 0], wanted)


def test_no_box_and_half_precision() -> None:
    features, boxes, clip = case(0)
    assert roi_align(features, boxes[:0], clip[:0]).shape == (0, 3, 7, 7)
    half = roi_align(features.bfloat16(), boxes, clip)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.double(), roi_align(features, boxes, clip), atol=0.05, rtol=0.05)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_gpu_agrees() -> None:
    features, boxes, clip = case(1)
    there = roi_align(features.cuda(), boxes.cuda(), clip.cuda()).cpu()
    torch.testing.assert_close(there, roi_align(features, boxes, clip), atol=1e-6, rtol=1e-6)


def test_class_tokens_are_no_part_of_the_map() -> None:
    patches = torch.randn(2, 3, 4 * 5, 6)  # (B, T, HW, D)
    plain = Features(patches.flatten(1, 2), torch.zeros(2, 6), (3, 4, 5))
    classes = torch.cat([torch.full((2, 3, 1, 6), 99.0), patches], dim=2).flatten(1, 2)
    assert torch.equal(token_map(plain), token_map(plain._replace(tokens=classes)))
    torch.testing.assert_close(token_map(plain)[1, :, 2, 3], patches[1, :, 2 * 5 + 3].mean(0))
    with pytest.raises(UserError, match="not a grid"):
        token_map(plain._replace(tokens=torch.zeros(2, 7, 6)))


BOXES, CLIP = torch.tensor([[0.1, 0.2, 0.6, 0.9], [0.0, 0.0, 1.0, 1.0], [0.5, 0.5, 0.7, 0.6]]), torch.tensor([0, 1, 1])


@pytest.mark.parametrize("kind", ["masked", "tower"])
def test_every_parameter_that_boxes_can_teach_has_a_gradient(kind: str) -> None:
    torch.manual_seed(0)
    backbone = MaskedEncoder(MASKED_VIT["tiny"]) if kind == "masked" else VideoTower(VIDEO_TOWER["tiny"])
    model = BoxClassifier(backbone, 80, ClassifyHeadConfig(init_scale=1.0, norm=True))
    video = torch.randn(2, 3, model.input.num_frames, 48, 48)
    logits = model(video, BOXES, CLIP)
    assert logits.shape == (3, 80)
    assert logits.isfinite().all()
    logits.square().sum().backward()
    pooled_only = ("fc_norm", "temporal_cls_token", ".dpe.", ".dec.", ".balance")  # what reads the clip as a whole
    lacking = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert [name for name in lacking if not any(word in name for word in pooled_only)] == []


def test_coordination_starts_as_the_masked_encoder_and_trains_all_that_is_new() -> None:
    torch.manual_seed(0)
    masked = BoxClassifier(MaskedEncoder(MASKED_VIT["tiny"]), 80, ClassifyHeadConfig(init_scale=1.0)).eval()
    tower = VideoTower(VIDEO_TOWER["tiny"])
    joined = CoordinatedEncoder(masked.backbone, tower, COORDINATED["tiny"].coordinate)
    model = CoordinatedBoxClassifier(joined, masked.box_head, ClassifyHeadConfig(norm=True), dropout=0.0)
    videos = torch.randn(2, 3, 8, 48, 48), torch.randn(2, 3, 4, 48, 48)
    torch.testing.assert_close(model(videos, BOXES, CLIP), masked(videos[0], BOXES, CLIP))
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "gate" in name or name.startswith("context_head"):
                value.add_(0.1)
    model(videos, BOXES, CLIP).square().sum().backward()
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert len(model.gates()) == 6
