"""The pace of a run: counting leaves no trace, and figures follow from clips and seconds."""

from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice, TowerChoice
from internvideo_pl.callbacks.energy import board_watts
from internvideo_pl.callbacks.throughput import WARM_UP, Throughput, count_flops, peak_flops
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.masked import MaskedReconstruction
from internvideo_pl.modules.shape import step_shape
from internvideo_pl.objectives.masked import MaskedModeling, MaskedModelingConfig
from tests.modules.test_modules import OPTIMISATION, batch, masked

TRAINER = SimpleNamespace(
    world_size=1,
    loggers=[],
    global_step=0,
    lightning_module=None,
    strategy=SimpleNamespace(root_device=torch.device("cpu")),
    precision_plugin=SimpleNamespace(forward_context=nullcontext),
)


def test_counting_leaves_weights_gradients_and_generators_alone() -> None:
    module = masked()
    module.train()
    before, state = [value.clone() for value in module.state_dict().values()], torch.get_rng_state()
    flops = count_flops(TRAINER, module, batch(2, 8)) / 2
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(before, module.state_dict().values(), strict=True))
    assert all(parameter.grad is None for parameter in module.parameters())
    assert module.training
    with torch.device("meta"):
        shape = step_shape(masked(), 8, 48)
    assert flops == pytest.approx(shape.flops, rel=0.06)


def test_what_checkpointing_computes_again_is_not_counted() -> None:
    clips = batch(2, 8)
    plain, saving = (
        count_flops(TRAINER, MaskedReconstruction(MaskedModeling(model, MaskedModelingConfig()), **OPTIMISATION), clips)
        for model in (MaskedChoice(size="tiny", checkpointing=again).build_autoencoder() for again in (False, True))
    )
    assert saving == plain


def test_pace_follows_from_clips_and_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("internvideo_pl.callbacks.throughput.time.perf_counter", lambda: clock[0])
    monkeypatch.setattr("internvideo_pl.callbacks.throughput.count_flops", lambda *_: 4e9)
    logged = []
    logger = SimpleNamespace(log_metrics=lambda pace, step: logged.append(pace))
    trainer = SimpleNamespace(**{**vars(TRAINER), "loggers": [logger]})
    module, clips = masked(), batch(4, 8)
    pace = Throughput(every=5)
    for number in range(WARM_UP + 10):
        clock[0] += 1.0  # the loader's second
        pace.on_train_batch_start(trainer, module, clips, number)
        clock[0] += 3.0  # the step's
        pace.on_train_batch_end(trainer, module, None, clips, number)
    pace.on_train_end(trainer, module)
    assert len(logged) == 2
    assert logged[0]["pace/clips_per_second"] == pytest.approx(1.0)
    assert logged[0]["pace/tokens_per_second"] == pytest.approx(8.0)  # of 72 tokens a clip, 2 x 4 are visible
    assert logged[0]["pace/data_wait"] == pytest.approx(0.25)
    assert logged[0]["pace/tflops_per_device"] == pytest.approx(1e-3)
    assert pace.summary["clips_per_second"] == pytest.approx(1.0)
    assert pace.advice().startswith("Training waited for its input 25% of the time")
    assert Throughput(every=5).advice() == ""


def test_tokens_are_those_that_the_video_encoders_read() -> None:
    with torch.device("meta"):
        pretrained = MaskedReconstruction(
            MaskedModeling(MaskedChoice(size="base").build_autoencoder(), MaskedModelingConfig()), **OPTIMISATION
        )
        tower = TowerChoice(size="base").build()
        finetuned = VideoModule(torch.nn.ModuleList([MaskedChoice(size="base").build(), tower]), **OPTIMISATION)
        towers = VideoModule(MultimodalChoice(size="base").build(), **OPTIMISATION)
    assert pretrained.tokens_per_clip == 8 * 20  # of 8 x 196: scale of VideoMAE's pretraining
    assert towers.tokens_per_clip == 8 * 197  # frames, each with its class token; no words
    assert finetuned.tokens_per_clip == 8 * 196 + 8 * 197
    shown = tower.conv1(torch.empty(1, 3, 8, 224, 224, device="meta")).flatten(2).shape[2]
    assert tower.tokens_per_clip == shown + 8
    assert VideoModule(torch.nn.Linear(2, 2), **OPTIMISATION).tokens_per_clip == 0


def test_features_in_the_place_of_pixels_have_no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("internvideo_pl.callbacks.throughput.count_flops", lambda *_: 4e9)
    pace, clips = Throughput(every=5), batch(4, 8)
    features = replace(clips, video=torch.zeros(4, 16))
    pace.on_train_batch_start(TRAINER, masked(), features, 0)
    assert "tokens_per_second" not in pace._pace(TRAINER, 1.0, 4.0, 0.0)


def test_peaks_are_dense_ones() -> None:
    assert peak_flops("NVIDIA H200") == peak_flops("NVIDIA H100 80GB HBM3") == 989e12
    assert peak_flops("NVIDIA H100 PCIe") == 756e12
    assert peak_flops("an unknown board") is None


@pytest.mark.parametrize(
    ("driver", "teraflops", "watts"),
    [
        ("NVIDIA B200", 2250, 1000),
        ("NVIDIA GB200", 2500, 1200),
        ("NVIDIA H200", 989, 700),
        ("NVIDIA H200 NVL", 835, 600),
        ("NVIDIA H100 80GB HBM3", 989, 700),
        ("NVIDIA H100 PCIe", 756, 350),
        ("NVIDIA H100 NVL", 835, 400),
        ("NVIDIA A100-SXM4-80GB", 312, 400),
        ("NVIDIA A100 80GB PCIe", 312, 300),
        ("NVIDIA A100-PCIE-40GB", 312, 250),
        ("Tesla V100-SXM2-32GB", 125, 300),
        ("Tesla V100-PCIE-32GB", 112, 250),
        ("NVIDIA L40S", 362, 350),
        ("NVIDIA L40", 181, 300),
        ("NVIDIA L4", 121, 72),
        ("Tesla T4", 65, 70),
        ("NVIDIA GeForce RTX 4090", 165, 450),
        ("NVIDIA GeForce RTX 3090", 71, 350),
    ],
)
def test_a_device_is_known_by_the_name_that_its_driver_gives(driver: str, teraflops: int, watts: int) -> None:
    assert peak_flops(driver) == teraflops * 1e12
    assert board_watts(driver) == watts
