"""What a training step needs, found by following shapes: nothing is computed and no memory is taken.

Shapes: B batch, T frames, H height, W width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from internvideo_pl.data.batch import Batch
from internvideo_pl.modules.base import VideoModule

CLIPS = 2  # enough for whatever compares clips with each other


@dataclass(frozen=True)
class StepShape:
    """A training step's needs.

    Attributes:
        flops: Operations for one clip, forward and backward, two for a multiply-add.
        activations: Bytes kept for the backward pass for one clip, in float32.
        parameters: Numbers of the model.
        trainable: Those of them that learn.
    """

    flops: float
    activations: float
    parameters: int
    trainable: int

    def states(self, averaged: bool) -> int:
        """Bytes of weights, gradients, AdamW's two moments and, if wanted, the moving average, all in float32."""
        return 4 * (self.parameters + 3 * self.trainable + averaged * self.parameters)


def step_shape(module: VideoModule, num_frames: int, size: int) -> StepShape:
    """Follow a training step of a module on the meta device.

    Args:
        module: Built under `torch.device("meta")`.
        num_frames: T of a clip as it is read.
        size: H and W of a clip in pixels.
    """
    module.train()
    weights = {value.untyped_storage()._cdata for value in (*module.parameters(), *module.buffers())}
    kept: dict[int, int] = {}
    held: list[Tensor] = []

    def keep(value: Tensor) -> Tensor:
        held.append(value)  # or another storage would get its address
        storage = value.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes()
        return value

    with FlopCounterMode(display=False) as counter, torch.device("meta"):
        with torch.autograd.graph.saved_tensors_hooks(keep, _as_it_is):
            loss = module.losses(_batch(num_frames, size))["loss"]
        if loss.requires_grad:
            loss.backward()
    return StepShape(
        flops=counter.get_total_flops() / CLIPS,
        activations=sum(kept.values()) / CLIPS,
        parameters=sum(value.numel() for value in module.parameters()),
        trainable=sum(value.numel() for value in module.parameters() if value.requires_grad),
    )


def _as_it_is(value: Tensor) -> Tensor:
    return value


def _batch(num_frames: int, size: int) -> Batch:
    empty = torch.zeros(CLIPS, dtype=torch.int64, device="meta")
    video = torch.empty(CLIPS, num_frames, size, size, 3, dtype=torch.uint8, device="meta")
    return Batch(video, empty, empty, empty, ["a sentence"] * CLIPS, keys=[0] * CLIPS)
