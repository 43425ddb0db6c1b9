"""What a model costs: parameters, and floating-point operations counted without computing anything.

A multiplication and its addition are two operations (2 x MAC). Matrix products, attention and convolutions are counted;
LayerNorm, softmax, GELU and the like are not, as in the figures that papers print. Everything runs on the meta device:
only shapes are followed, so that a model of a billion parameters is counted in a second and in no memory.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from internvideo_pl.backbones.features import InputSpec, JointInput
from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder
from internvideo_pl.backbones.masks import Masks, run_cells, sample_tubes
from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.heads.answer import QuestionAnswerer

BACKWARD = 2  # a backward pass multiplies once for the inputs' gradient and once for the weights'
RELEASED_MASK_RATIO = 0.9  # InternVideo's pretraining scripts


def parameters(model: nn.Module, trainable: bool = False) -> int:
    """Numbers that a model learns; shared ones once, buffers not at all.

    Args:
        model: On any device.
        trainable: Whether frozen parameters are left out.
    """
    return sum(value.numel() for value in model.parameters() if value.requires_grad or not trainable)


def forward_flops(model: nn.Module, *inputs: Any) -> int:
    """Operations of one forward pass, of all samples together.

    Args:
        model: On any device; its weights are not read, its mode is kept.
        inputs: What its `forward` takes: tensors, or tuples of them. Only shapes and types count.
    """
    weights = {name: value.detach().to("meta") for name, value in (*model.named_parameters(), *model.named_buffers())}
    with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.device("meta"):
        torch.func.functional_call(model, weights, tuple(_on_meta(value) for value in inputs))
    return counter.get_total_flops()


def train_flops(model: nn.Module, *inputs: Any) -> int:
    """Operations of one training step in which every weight learns: the forward pass and twice as much backwards.

    What recomputation (activation checkpointing) adds is not counted: it is no useful work.

    Args:
        model: As for `forward_flops`.
        inputs: As for `forward_flops`.
    """
    return (1 + BACKWARD) * forward_flops(model, *inputs)


def clip_of(spec: InputSpec | JointInput, batch: int = 1) -> Any:
    """Clips on the meta device as a backbone's `forward` takes them.

    Args:
        spec: The backbone's `input`.
        batch: B.

    Returns:
        float32 (B, 3, T, H, W), or a tuple of one such tensor for each of several encoders.
    """
    if isinstance(spec, JointInput):
        return tuple(clip_of(part, batch) for part in spec.parts)
    return torch.empty(batch, 3, spec.num_frames, spec.size, spec.size, device="meta")


def masks_of(model: MaskedAutoencoder, ratio: float, decode_ratio: float = 1.0, batch: int = 1) -> Masks:
    """Tube masks on the meta device: only their shapes mean something.

    Args:
        model: Whose grid is masked.
        ratio: Fraction of spatial cells that is hidden.
        decode_ratio: Fraction of all tokens that the decoder predicts; 1 for every masked token.
        batch: B.

    Raises:
        UserError: A ratio does not fit the grid.
    """
    masks = sample_tubes(batch, model.encoder.grid, ratio, "meta")
    if decode_ratio == 1:
        return masks
    return run_cells(masks, model.encoder.grid, decode_ratio, torch.zeros((), dtype=torch.int64, device="meta"))


def clip_flops(model: Any, batch: int = 1) -> int:
    """Operations of one forward pass over clips, for whatever has an `input`: backbones, classifiers, coordination."""
    return forward_flops(model, clip_of(model.input, batch))


def video_flops(network: Any) -> int:
    """Operations on one clip in use: of an autoencoder its encoder with nothing hidden, of towers the video's."""
    if isinstance(network, MaskedAutoencoder | QuestionAnswerer):
        network = network.encoder
    return clip_flops(network.visual if isinstance(network, MultimodalEncoder) else network)


def pretrain_flops(model: MaskedAutoencoder, mask_ratio: float = RELEASED_MASK_RATIO, decode_ratio: float = 1.0) -> int:
    """Operations of one masked-pretraining step for one clip: visible tubes alone are embedded and encoded.

    Args:
        model: Encoder and decoder, on any device.
        mask_ratio: Fraction of spatial cells that is hidden.
        decode_ratio: Fraction of all tokens that the decoder predicts; 1 for every masked token.

    Raises:
        UserError: A ratio does not fit the grid.
    """
    return train_flops(model, clip_of(model.encoder.input), masks_of(model, mask_ratio, decode_ratio))


def _on_meta(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.to("meta")
    if isinstance(value, Masks):
        return Masks(*(_on_meta(part) for part in value))
    return tuple(_on_meta(part) for part in value) if isinstance(value, tuple) else value
