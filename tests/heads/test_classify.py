"""The linear classifier and its composition with a backbone."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from internvideo_pl.backbones.masked_vit import MaskedEncoder, MaskedViTConfig
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier, ClassifyHead, ClassifyHeadConfig


def test_scores_by_hand():
    head = ClassifyHead(6, 3, ClassifyHeadConfig(norm=True, dropout=0.5, init_scale=1.0)).eval()
    pooled = torch.randn(4, 6)
    normal = (pooled - pooled.mean(1, keepdim=True)) / (pooled.var(1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    assert_close(head(pooled), normal @ head.weight.T + head.bias)
    assert not head.bias.any()


def test_start_weights_are_scaled():
    torch.manual_seed(0)
    weight = ClassifyHead(400, 100, ClassifyHeadConfig()).weight
    assert weight.std().item() == pytest.approx(0.02 * 0.001, rel=0.02)


def test_dropout_acts_before_the_linear_layer_in_training_only():
    torch.manual_seed(0)
    head = ClassifyHead(1000, 1000, ClassifyHeadConfig(dropout=0.9))
    with torch.no_grad():
        head.weight.copy_(torch.eye(1000))
    dropped = head(torch.ones(1, 1000))
    assert dropped.eq(0).float().mean().item() == pytest.approx(0.9, abs=0.03)
    assert dropped.max().item() == pytest.approx(10)
    assert torch.equal(head.eval()(torch.ones(1, 1000)), torch.ones(1, 1000))


def test_names_are_those_of_a_linear_layer():
    assert list(ClassifyHead(4, 2, ClassifyHeadConfig()).state_dict()) == ["weight", "bias"]


def test_classifier_reads_the_pooled_feature_and_learns():
    config = MaskedViTConfig(width=16, depth=1, heads=2, patch_size=8, image_size=16, num_frames=2)
    torch.manual_seed(0)
    model = Classifier(MaskedEncoder(config), 2, ClassifyHeadConfig(init_scale=1.0))
    video, label = torch.randn(8, 3, 2, 16, 16), torch.tensor([0, 1] * 4)
    assert_close(model(video), model.head(model.backbone(video).pooled))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(model(video), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize("rate", [1.0, -0.1])
def test_impossible_dropout(rate):
    with pytest.raises(UserError, match=f"head dropout={rate} must be at least 0 and below 1"):
        ClassifyHeadConfig(dropout=rate)
