"""Under bf16 autocast products run in bf16, losses in float32, and what is learned stays in float32."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from internvideo_pl.backbones.attention import attend
from tests.backbones.networks import NETWORKS, awake

PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "convolution", "_scaled_dot_product_flash_attention_for_cpu")
LOSSES = ("mse_loss", "nll_loss_forward", "_log_softmax")


class Recorder(TorchDispatchMode):
    """The types of the first tensor that each product and each loss takes."""

    def __init__(self):
        super().__init__()
        self.products, self.losses = set(), set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name().removeprefix("aten::").split(".")[0]
        found = next((arg.dtype for arg in args if isinstance(arg, torch.Tensor)), None)
        if name in PRODUCTS:
            self.products.add((name, found))
        if name in LOSSES:
            self.losses.add((name, found))
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", NETWORKS)
def test_types(name):
    network = awake(NETWORKS[name]())
    recorder = Recorder()
    with recorder:
        with torch.autocast("cpu", torch.bfloat16):
            loss = network.loss()
        loss.backward()
    assert {dtype for _, dtype in recorder.products} == {torch.bfloat16}, recorder.products
    assert {dtype for _, dtype in recorder.losses} <= {torch.float32}, recorder.losses
    assert loss.dtype == torch.float32
    assert {value.dtype for value in network.model.parameters()} == {torch.float32}
    assert {value.grad.dtype for value in network.model.parameters() if value.grad is not None} == {torch.float32}


@pytest.mark.parametrize("keys", [300, 3000])
def test_softmax_sums_in_float32(keys):
    # a sum of ones in bfloat16 stands still at 256
    query, key, value = torch.zeros(1, 1, 1, 8), torch.zeros(1, 1, keys, 8), torch.ones(1, 1, keys, 8)
    found = attend(query.bfloat16(), key.bfloat16(), value.bfloat16())
    torch.testing.assert_close(found.float(), torch.ones(1, 1, 1, 8), rtol=0.01, atol=0)
