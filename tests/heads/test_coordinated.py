"""InternVideo-T: at its first step the sum of its parts, and later trained only where it should be."""

import pytest
import torch
from torch import nn

from internvideo_pl.backbones.choices import CoordinatedChoice
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.heads.coordinated import CoordinatedClassifier, InternVideoT

CLASSES = 4


def randomised(module, seed):
    torch.manual_seed(seed)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.2)
    return module.eval()


@pytest.fixture
def parts():
    """InternVideo-T of the tiny size, and the three classifiers that it was made of."""
    choice = CoordinatedChoice(size="tiny_t")
    head = ClassifyHeadConfig(init_scale=1.0, norm=True)
    masked = randomised(Classifier(choice.masked.build(), CLASSES, ClassifyHeadConfig()), 0)
    first = randomised(Classifier(choice.multimodal.build(), CLASSES, head), 1)
    second = randomised(Classifier(choice.second.build(), CLASSES, head), 2)
    joined = choice.build(masked.backbone, first.backbone)
    coordinated = CoordinatedClassifier(joined, first.head, masked.head, dropout=0.9)
    return InternVideoT(coordinated, second, dropout=0.9), masked, first, second


def clips(model):
    generator = torch.Generator().manual_seed(3)
    video = torch.randint(0, 256, (3, 8, 48, 48, 3), dtype=torch.uint8, generator=generator)
    return model.input.prepare(video)


def test_at_step_zero_it_is_the_sum_of_its_parts_bit_for_bit(parts):
    model, masked, first, second = parts
    inputs = clips(model)
    assert len(inputs) == 3
    assert torch.equal(model.eval()(inputs), first(inputs[1]) + masked(inputs[0]) + second(inputs[2]))
    assert set(model.gates().values()) == {0.0}
    assert torch.equal(model.coordinated(inputs[:2]), first(inputs[1]) + masked(inputs[0]))


def test_all_three_encoders_are_frozen_and_stay_in_evaluation(parts):
    model = parts[0].train()
    towers = (model.second, model.coordinated.backbone.tower, model.coordinated.backbone.masked)
    assert not any(part.training for tower in towers for part in tower.modules())
    assert not any(parameter.requires_grad for tower in towers for parameter in tower.parameters())
    assert model.second_head.training
    assert model.second_head.config.dropout == 0.9


def test_training_moves_the_coordination_and_all_classifiers_and_nothing_else(parts):
    model = parts[0].train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    inputs = clips(model)
    for _ in range(3):  # gates first, what they let through in the steps after
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), torch.tensor([0, 1, 2])).backward()
        optimizer.step()
    after = model.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    frozen = ("second.", "coordinated.backbone.masked.", "coordinated.backbone.tower.")
    assert not [name for name in moved if name.startswith(frozen)]
    for part in ("second_head.weight", "coordinated.masked_head.weight", "coordinated.multimodal_head.weight"):
        assert part in moved
    assert any(name.startswith("coordinated.backbone.cross.0.attn.") for name in moved)
    assert {name for name, value in model.gates().items() if value != 0} == model.gates().keys()


def test_its_own_heads_are_copies(parts):
    model, masked, first, second = parts
    heads = (model.second_head, model.coordinated.masked_head, model.coordinated.multimodal_head)
    for own, source in zip(heads, (second.head, masked.head, first.head), strict=True):
        assert torch.equal(own.weight, source.weight)
        assert own.weight.data_ptr() != source.weight.data_ptr()
