"""Activation checkpointing changes memory and nothing else, in every backbone."""

import copy
from collections import Counter

import pytest
import torch

from internvideo_pl.backbones.caption_layers import CaptionLayer
from internvideo_pl.backbones.cross import GatedCrossBlock
from internvideo_pl.backbones.layers import Block
from internvideo_pl.backbones.text_tower import TextBlock
from internvideo_pl.backbones.video_tower import VideoBlock
from tests.backbones.networks import NETWORKS, awake

# Blocks of the coordination that need no backward pass, and the last one, whose single query keeps nothing.
ONCE = ("backbone.tower", "backbone.masked.blocks.0", "backbone.masked.blocks.1", "backbone.final")
BLOCKS = (Block, VideoBlock, TextBlock, CaptionLayer, GatedCrossBlock)


def pair(name):
    """The same network without and with checkpointing, weights and all."""
    plain, recomputed = awake(NETWORKS[name]()), awake(NETWORKS[name](checkpointing=True))
    recomputed.model.load_state_dict(copy.deepcopy(plain.model.state_dict()))
    return plain, recomputed


@pytest.mark.parametrize("name", NETWORKS)
def test_loss_gradients_and_statistics_stay(name):
    results = []
    for network in pair(name):
        torch.manual_seed(5)  # stochastic depth and dropout draw the same, also the second time
        loss = network.loss()
        loss.backward()
        gradients = {key: value.grad for key, value in network.model.named_parameters()}
        results.append((loss.detach(), gradients, dict(network.model.named_buffers())))
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-7)
    assert any(value is not None for value in results[0][1].values())


@pytest.mark.parametrize("name", NETWORKS)
def test_every_trained_block_runs_twice_and_keeps_less(name):
    kept, calls = [], []
    for network in pair(name):
        count, numbers = Counter(), 0

        def keep(tensor):
            nonlocal numbers
            numbers += tensor.numel()
            return tensor

        for key, block in network.model.named_modules():
            if isinstance(block, BLOCKS):
                block.register_forward_pre_hook(lambda *_, key=key, count=count: count.update([key]))
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            network.loss().backward()
        kept.append(numbers)
        calls.append(count)
    assert kept[1] < 0.7 * kept[0]
    assert set(calls[0].values()) == {1}
    assert {number for key, number in calls[1].items() if not key.startswith(ONCE)} == {2}


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_recomputed_without_gradients(name):
    _, network = pair(name)
    calls = Counter()
    for key, block in network.model.named_modules():
        if isinstance(block, BLOCKS):
            block.register_forward_pre_hook(lambda *_, key=key: calls.update([key]))
    network.model.eval()
    with torch.no_grad():
        network.loss()
    assert set(calls.values()) == {1}
