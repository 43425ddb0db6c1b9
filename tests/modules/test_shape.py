"""What a step needs by its shapes, against the same step when it is really computed."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.models.cost import pretrain_flops
from internvideo_pl.modules.align import ContrastiveAlignment
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.masked import MaskedReconstruction
from internvideo_pl.modules.recognition import Recognition
from internvideo_pl.modules.shape import CLIPS, StepShape, step_shape
from internvideo_pl.objectives.align import Alignment, AlignmentConfig
from internvideo_pl.objectives.masked import MaskedModeling, MaskedModelingConfig
from internvideo_pl.objectives.supervised import Supervised, SupervisedConfig
from tests.modules.test_modules import OPTIMISATION, batch


def masked() -> VideoModule:
    return MaskedReconstruction(
        MaskedModeling(MaskedChoice(size="tiny").build_autoencoder(), MaskedModelingConfig()), **OPTIMISATION
    )


def aligned() -> VideoModule:
    return ContrastiveAlignment(Alignment(MultimodalChoice(size="tiny").build(), AlignmentConfig()), **OPTIMISATION)


@pytest.mark.parametrize(("build", "frames"), [(masked, 8), (aligned, 4)])
def test_equals_what_a_real_step_takes(build, frames: int) -> None:  # type: ignore[no-untyped-def]
    with torch.device("meta"):
        shape = step_shape(build(), frames, 48)
    module = build()
    module.train()
    own = {value.untyped_storage().data_ptr() for value in (*module.parameters(), *module.buffers())}
    kept: dict[int, int] = {}
    held = []

    def keep(value: Tensor) -> Tensor:
        held.append(value)
        if value.untyped_storage().data_ptr() not in own:
            kept[value.untyped_storage().data_ptr()] = value.untyped_storage().nbytes()
        return value

    with (
        torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value),
        FlopCounterMode(display=False) as counter,
    ):
        loss = module.losses(batch(CLIPS, frames))["loss"]
        loss.backward()
    # on meta attention may take another kernel, whose backward pass multiplies once more or less
    assert shape.flops == pytest.approx(counter.get_total_flops() / CLIPS, rel=0.06)
    assert shape.activations == pytest.approx(sum(kept.values()) / CLIPS, rel=0.15)  # other attention kernels on meta
    assert shape.parameters == sum(value.numel() for value in module.parameters())


def test_agrees_with_the_count_of_models() -> None:
    with torch.device("meta"):
        shape = step_shape(masked(), 8, 48)
    # that count takes the backward pass to be twice the forward one; the first layer's input needs no gradient
    assert shape.flops == pytest.approx(pretrain_flops(MaskedChoice(size="tiny").build_autoencoder()), rel=0.1)


def test_what_checkpointing_computes_again_is_counted_apart() -> None:
    """VideoMAE's ViT-H takes 7.15 TFLOP for a dense clip of 16 frames at 224, six times its multiply-adds."""

    def classifier(checkpointing: bool) -> VideoModule:
        choice = MaskedChoice(size="huge", checkpointing=checkpointing, drop_path=0.2)
        model = Classifier(choice.build(), 400, ClassifyHeadConfig())
        return Recognition(Supervised(model, SupervisedConfig()), **OPTIMISATION)

    with torch.device("meta"):
        plain, saving = (step_shape(classifier(checkpointing), 16, 224) for checkpointing in (False, True))
    assert saving.flops == plain.flops == pytest.approx(7.15e12, rel=0.005)
    assert plain.recomputed == 0
    assert saving.recomputed == pytest.approx(plain.flops / 3, rel=0.03)  # all blocks forward once more
    assert saving.activations < 0.1 * plain.activations


def test_images_take_their_share_of_a_step() -> None:
    with torch.device("meta"):
        videos, both = (step_shape(aligned(), 4, 48, 6, images) for images in (0, 36))
    with FlopCounterMode(display=False) as counter:
        aligned().losses(replace(batch(6, 4), images=batch(36, 1)))["loss"].backward()
    assert both.flops == pytest.approx(counter.get_total_flops() / 6, rel=0.06)  # attention's other kernels, as above
    assert both.flops > 2 * videos.flops
    assert both.activations > 2 * videos.activations


@pytest.mark.parametrize(("averaged", "bytes_each"), [(False, 16), (True, 20)])
def test_states_are_weights_gradients_moments_and_the_average(averaged: bool, bytes_each: int) -> None:
    assert StepShape(1.0, 0.0, 1.0, 1000, 1000).states(averaged) == 1000 * bytes_each
    assert StepShape(1.0, 0.0, 1.0, 1000, 0).states(False) == 4000
