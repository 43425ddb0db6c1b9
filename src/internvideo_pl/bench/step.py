"""A step of training or inference, the same for every contender."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from internvideo_pl.bench.machine import device
from internvideo_pl.bench.timing import Step

RATE, DECAY, BETAS = 1e-4, 0.05, (0.9, 0.95)  # VideoMAE's decay and betas; the rate has no influence on the time


def training(model: nn.Module, loss: Callable[[], Tensor], half: bool) -> Step:
    """Forward, backward and fused AdamW over all of a model's trainable parameters.

    Args:
        model: What learns.
        loss: Computes the loss of a batch.
        half: Whether the forward pass runs under bf16 autocast; weights and optimiser stay in float32.
    """
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=DECAY, betas=BETAS, fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device().type, torch.bfloat16, enabled=half):
            value = loss()
        value.backward()
        optimizer.step()

    return step


def inference(call: Callable[[], object], half: bool) -> Step:
    """A forward pass without gradients.

    Args:
        call: Runs the model.
        half: Whether it runs under bf16 autocast.
    """

    def step() -> None:
        with torch.inference_mode(), torch.autocast(device().type, torch.bfloat16, enabled=half):
            call()

    return step
