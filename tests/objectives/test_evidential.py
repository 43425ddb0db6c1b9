"""The evidential objective: the losses of its model's scores, annealed, and going down."""

import torch
from torch import nn

from internvideo_pl.losses.evidential import EvidentialLossConfig, evidential_losses
from internvideo_pl.objectives.evidential import Evidential, EvidentialConfig


def test_losses_are_those_of_the_scores_at_the_epoch():
    torch.manual_seed(0)
    config = EvidentialLossConfig(divergence=True, annealing="step")
    objective = Evidential(nn.Linear(5, 3), EvidentialConfig(loss=config), total_epochs=20)
    clip, label = torch.randn(4, 5), torch.tensor([0, 2, 1, 2])
    wanted = evidential_losses(objective.model(clip), label, config, 7.0, 20)
    found = objective(clip, label, 7.0)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert found["divergence_loss"] > objective(clip, label, 0.0)["divergence_loss"] == 0


def test_the_releases_loss_goes_down_in_twenty_steps():
    torch.manual_seed(0)
    objective = Evidential(nn.Linear(5, 3), EvidentialConfig(), total_epochs=1)
    optimizer = torch.optim.SGD(objective.parameters(), lr=0.5, momentum=0.9, nesterov=True)
    clip = torch.randn(30, 5)
    label = clip[:, :3].argmax(1)
    losses = []
    for _ in range(20):
        loss = objective(clip, label)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
