"""No backbone breaks a compiled graph, with or without activation checkpointing."""

import pytest
import torch

from tests.backbones.networks import NETWORKS, awake


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


# aot_eager does all that the default does but the writing of kernels; "eager" is faster, but recomputes with new draws.
@pytest.mark.parametrize(
    ("checkpointing", "backend"), [(False, "eager"), pytest.param(True, "aot_eager", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", NETWORKS)
def test_one_graph_with_the_same_loss_and_gradients(name, checkpointing, backend):
    network = awake(NETWORKS[name](checkpointing=checkpointing))
    results = []
    for run in (network.loss, torch.compile(network.loss, fullgraph=True, backend=backend)):
        network.model.zero_grad()
        torch.manual_seed(5)
        loss = run()
        loss.backward()
        results.append((loss.detach(), {key: value.grad for key, value in network.model.named_parameters()}))
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-6)
