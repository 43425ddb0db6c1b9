"""What a training step needs, found by following shapes: nothing is computed and no memory is taken.

Shapes: B batch, T frames, H height, W width.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from internvideo_pl.backbones.recompute import Recomputation
from internvideo_pl.data.batch import Batch
from internvideo_pl.modules.base import VideoModule

CLIPS = 2  # enough for whatever compares clips with each other


@dataclass(frozen=True)
class StepShape:
    """A training step's needs.

    Attributes:
        flops: Operations for one clip, forward and backward, two for a multiply-add, nothing for recomputation.
        recomputed: Operations that activation checkpointing does a second time for one clip.
        activations: Bytes kept for the backward pass for one clip, in float32.
        parameters: Numbers of the model.
        trainable: Those of them that learn.
    """

    flops: float
    recomputed: float
    activations: float
    parameters: int
    trainable: int

    def states(self, averaged: bool) -> int:
        """Bytes of weights, gradients, AdamW's two moments and, if wanted, the moving average, all in float32."""
        return 4 * (self.parameters + 3 * self.trainable + averaged * self.parameters)


def step_shape(module: VideoModule, num_frames: int, size: int, clips: int = CLIPS, images: int = 0) -> StepShape:
    """Follow a training step of a module on the meta device.

    Args:
        module: Built under `torch.device("meta")`.
        num_frames: T of a clip as it is read.
        size: H and W of a clip in pixels.
        clips: Clips of a step.
        images: Images that a step has beside them; what they take is shared out over the clips.
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

    batch = made_up_batch(clips, num_frames, size, images, "meta")
    with (
        FlopCounterMode(display=False) as counter,
        Recomputation(counter.get_total_flops) as again,
        torch.device("meta"),
    ):
        with torch.autograd.graph.saved_tensors_hooks(keep, _as_it_is):
            loss = module.losses(batch)["loss"]
        if loss.requires_grad:
            loss.backward()
    return StepShape(
        flops=(counter.get_total_flops() - again.total) / clips,
        recomputed=again.total / clips,
        activations=sum(kept.values()) / clips,
        parameters=sum(value.numel() for value in module.parameters()),
        trainable=sum(value.numel() for value in module.parameters() if value.requires_grad),
    )


def _as_it_is(value: Tensor) -> Tensor:
    return value


def made_up_batch(clips: int, num_frames: int, size: int, images: int, device: torch.device | str) -> Batch:
    """Noise in the place of a step's clips, with images beside them if there are any.

    Args:
        clips: B.
        num_frames: T.
        size: H and W in pixels.
        images: Clips of one frame.
        device: Where the pixels are.
    """
    empty = torch.zeros(clips, dtype=torch.int64, device=device)
    video = torch.empty(clips, num_frames, size, size, 3, dtype=torch.uint8, device=device)
    if video.device.type != "meta":
        video.random_(256)
    batch = Batch(video, empty, empty, empty, ["a sentence"] * clips, keys=list(range(clips)))
    return replace(batch, images=made_up_batch(images, 1, size, 0, device)) if images else batch
