"""The set loss of boxes: its parts by hand, every parameter learns, it falls, and frames without boxes or with many."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.sizes import MASKED_VIT
from internvideo_pl.heads.detect import ChangeDetector, DetectHeadConfig, corners, sines
from internvideo_pl.losses.boxes import generalised_overlap
from internvideo_pl.losses.focal import sigmoid_focal
from internvideo_pl.objectives.detect import Detection, DetectionConfig

TRUE = [[[[0.1, 0.1, 0.5, 0.6]], [], [[0.2, 0.3, 0.4, 0.9], [0.5, 0.5, 0.9, 0.9]]]]  # of three frames of one clip


class Said(nn.Module):
    """A model that always says the same."""

    def __init__(self, logits: torch.Tensor, boxes: torch.Tensor):
        super().__init__()
        self.said = [(logits, boxes)]

    def forward(self, clip: torch.Tensor) -> list:
        return self.said


def detector(**changes) -> ChangeDetector:
    tiny = MASKED_VIT["tiny"]
    config = replace(tiny, num_frames=3 * tiny.tubelet_size, pooling="tokens")
    head = {"width": 32, "heads": 2, "layers": 2, "hidden": 64, "queries": 6, "dropout": 0.0} | changes
    return ChangeDetector(MaskedEncoder(config), DetectHeadConfig(**head))


def test_the_parts_are_means_over_the_true_boxes_that_are_matched():
    logits = torch.tensor([[[2.0, -1.0, 0.0], [0.5, -3.0, -3.0], [1.0, 1.5, -2.0]]])
    boxes = torch.tensor([0.3, 0.3, 0.6, 0.6]).repeat(1, 3, 3, 1)
    boxes[0, 0, 1] = torch.tensor([0.1, 0.1, 0.5, 0.6])  # exact
    boxes[0, 2, 0] = torch.tensor([0.2, 0.3, 0.4, 0.8])
    boxes[0, 2, 2] = torch.tensor([0.5, 0.5, 0.9, 0.8])
    found = Detection(Said(logits, boxes), DetectionConfig())(torch.zeros(1), TRUE)
    matched = {(0, 1): TRUE[0][0][0], (2, 0): TRUE[0][2][0], (2, 2): TRUE[0][2][1]}  # frame and query -> true box
    target = torch.zeros(1, 3, 3)
    side = overlap = 0.0
    for (frame, query), true in matched.items():
        target[0, frame, query] = 1
        box, wanted = boxes[0, frame, query], torch.tensor(true)
        side += (box - wanted).abs().sum().item() / 3
        overlap += (1 - generalised_overlap(box, wanted)).item() / 3
    assert found["score"].item() == pytest.approx(sigmoid_focal(logits, target).sum().item() / 3, rel=1e-5)
    assert found["side"].item() == pytest.approx(side, rel=1e-5)
    assert found["overlap"].item() == pytest.approx(overlap, rel=1e-5)
    whole = 2 * found["score"] + 5 * found["side"] + 2 * found["overlap"]
    assert found["loss"].item() == pytest.approx(whole.item(), rel=1e-6)


def test_frames_without_boxes_teach_only_that_there_is_nothing():
    logits, boxes = torch.zeros(1, 3, 4), torch.rand(1, 3, 4, 4)
    found = Detection(Said(logits, boxes), DetectionConfig())(torch.zeros(1), [[[], [], []]])
    assert (found["side"].item(), found["overlap"].item()) == (0.0, 0.0)
    assert found["score"].item() == pytest.approx(sigmoid_focal(logits, torch.zeros_like(logits)).sum().item())


def test_of_more_true_boxes_than_predictions_the_nearest_are_learned():
    many = [[[[0.1, 0.1, 0.2 + i / 10, 0.5] for i in range(5)], [], []]]
    boxes = torch.zeros(1, 3, 2, 4)
    boxes[0, 0] = torch.tensor([many[0][0][4], many[0][0][3]])
    found = Detection(Said(torch.zeros(1, 3, 2), boxes), DetectionConfig())(torch.zeros(1), many)
    assert found["side"].item() == pytest.approx(0, abs=1e-6)
    assert found["overlap"].item() == pytest.approx(0, abs=1e-6)


def test_every_parameter_learns_and_the_loss_falls():
    torch.manual_seed(0)
    model = detector()
    objective, clip = Detection(model, DetectionConfig()), torch.randn(1, 3, model.input.num_frames, 48, 48)
    losses, optimizer = [], torch.optim.AdamW(model.parameters(), 1e-3)
    for _ in range(20):
        losses.append(objective(clip, TRUE)["loss"])
        optimizer.zero_grad()
        losses[-1].backward()
        if len(losses) == 2:  # the sides' last layers start so small that a first step moves them alone
            lacking = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
            assert lacking == []
        optimizer.step()
    assert losses[-1] < 0.7 * losses[0]


def test_batches_without_a_box_reach_every_parameter():
    """Several processes wait for each other's gradients."""
    torch.manual_seed(0)
    model = detector()
    clip = torch.randn(1, 3, model.input.num_frames, 48, 48)
    Detection(model, DetectionConfig())(clip, [[[], [], []]])["loss"].backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_shapes_of_all_layers_and_boxes_within_reach():
    torch.manual_seed(0)
    model = detector()
    found = model(model.prepare(torch.randint(256, (2, 3, 48, 48, 3), dtype=torch.uint8)))
    assert [logits.shape[:2] for logits, _ in found] == [(2, 3)] * 3  # proposals, then two layers
    assert [logits.shape[2] for logits, _ in found[1:]] == [6, 6]
    assert all(boxes.shape == (*logits.shape, 4) and boxes.isfinite().all() for logits, boxes in found)
    assert all((boxes[..., 2:] > boxes[..., :2]).all() for _, boxes in found)


def test_corners_and_sines():
    assert corners(torch.tensor([0.5, 0.4, 0.2, 0.4])).tolist() == pytest.approx([0.4, 0.2, 0.6, 0.6])
    assert sines(torch.rand(5, 4), 32).shape == (5, 64)
