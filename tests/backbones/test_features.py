"""What backbones take: frame choice, resizing, normalisation, and the sentences for what they refuse."""

import pytest
import torch
from torch.testing import assert_close

from internvideo_pl.backbones.features import InputSpec, JointInput, check_clip
from internvideo_pl.errors import UserError

MEAN, STD = (0.5, 0.25, 0.0), (0.5, 0.25, 1.0)
SPEC = InputSpec(num_frames=4, size=6, mean=MEAN, std=STD)


def test_normalisation_by_hand():
    video = torch.randint(0, 256, (2, 4, 6, 6, 3), dtype=torch.uint8)
    prepared = SPEC.prepare(video)
    assert prepared.shape == (2, 3, 4, 6, 6)
    expected = [(video[..., c] / 255 - MEAN[c]) / STD[c] for c in range(3)]
    assert_close(prepared, torch.stack(expected, dim=1))


@pytest.mark.parametrize(("available", "chosen"), [(4, [0, 1, 2, 3]), (8, [1, 3, 5, 7]), (5, [0, 1, 3, 4])])
def test_longer_clips_give_evenly_spread_frames(available, chosen):
    video = torch.arange(available, dtype=torch.uint8).view(1, -1, 1, 1, 1).expand(1, available, 6, 6, 3)
    blue = SPEC.prepare(video)[0, 2, :, 0, 0] * 255  # mean 0, std 1
    assert blue.round().int().tolist() == chosen


def test_shrinking_averages():
    stripes = torch.tensor([0, 200], dtype=torch.uint8).repeat(24).view(1, 1, 1, 48, 1).expand(1, 4, 48, 48, 3)
    blue = SPEC.prepare(stripes)[0, 2] * 255
    assert blue.min() > 90  # without anti-aliasing some columns would be 0 or 200
    assert blue.max() < 110


def test_joint_input_prepares_one_clip_for_each():
    small = InputSpec(2, 3, MEAN, STD)
    joint = JointInput((SPEC, small))
    first, second = joint.prepare(torch.zeros(1, 8, 12, 12, 3, dtype=torch.uint8))
    assert (first.shape, second.shape) == ((1, 3, 4, 6, 6), (1, 3, 2, 3, 3))
    assert (joint.num_frames, joint.size) == (4, 6)


@pytest.mark.parametrize(
    ("shape", "dtype", "sentence"),
    [
        ((1, 3, 6, 6, 3), torch.uint8, "a clip of 3 frames is too short for a backbone that reads 4"),
        ((1, 4, 6, 8, 3), torch.uint8, "6 x 8 pixels is not square: crop it"),
        ((4, 6, 6, 3), torch.uint8, r"expected a batch of clips as uint8 \(B, T, H, W, 3\)"),
        ((1, 4, 6, 6, 3), torch.float32, "got torch.float32"),
        ((1, 3, 4, 6, 6), torch.uint8, "expected a batch of clips"),
    ],
)
def test_refusals(shape, dtype, sentence):
    with pytest.raises(UserError, match=sentence):
        SPEC.prepare(torch.zeros(shape, dtype=dtype))


@pytest.mark.parametrize("shape", [(1, 3, 5, 6, 6), (1, 3, 4, 6, 8), (1, 1, 4, 6, 6), (3, 4, 6, 6)])
def test_wrong_clip(shape):
    with pytest.raises(UserError, match="reads clips of 4 frames of 6 x 6 pixels"):
        check_clip(torch.zeros(shape), SPEC)
