"""How fast an experiment would train: by a GPU's peak, or by real steps on made-up clips."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch

from data_modules import DATASETS
from internvideo_pl.config import Experiment
from internvideo_pl.data.parts import MixtureConfig
from internvideo_pl.data.questions import QuestionConfig
from internvideo_pl.modules.base import VideoModule
from internvideo_pl.modules.shape import StepShape, made_up_batch
from internvideo_pl.run.batches import StepBatch
from internvideo_pl.run.build import build_module
from internvideo_pl.run.gpus import Gpu

MFU = 0.30  # the best that is published of vision transformers in training on an H100 (NeMo, 28.9 %)
PROBE_SECONDS = 20.0
WARM_UP = 2


@dataclass(frozen=True)
class Pace:
    """How fast the plan takes a device to be.

    Attributes:
        seconds_per_clip: Of one device.
        source: Measured or assumed, in words.
    """

    seconds_per_clip: float
    source: str


def assumed(shape: StepShape, gpu: Gpu, mfu: float) -> Pace:
    """The pace at a share of a GPU's peak.

    A share is measured end to end and by useful operations, so the time of what is recomputed is in it already.
    """
    return Pace(shape.flops / (mfu * gpu.peak), f"assumed: {mfu:.0%} of the {gpu.name}'s {gpu.peak / 1e12:.0f} TFLOP/s")


def probed(
    experiment: Experiment,
    steps: int,
    seconds: float = PROBE_SECONDS,
    clock: Callable[[], float] = time.perf_counter,
) -> Pace:
    """The pace of real steps on made-up clips on this machine; reading videos is not in it.

    Args:
        experiment: Checked config.
        steps: Of the whole run, for the schedule.
        seconds: How long to measure, by the wall.
        clock: What a step's time is read from.
    """
    on_gpu = torch.cuda.is_available() and experiment.trainer.accelerator != "cpu"
    device = torch.device("cuda" if on_gpu else "cpu")
    module = planned_module(experiment, steps).to(device)
    module.train()
    optimizer = module.configure_optimizers()["optimizer"]
    config, step = experiment.data, StepBatch.of(experiment)
    batch = made_up_batch(step.clips, config.num_frames, config.size, step.images, device)
    half = experiment.trainer.precision != "32-true"
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < WARM_UP + 1 or time.perf_counter() - begun < seconds:
        start = clock()
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            loss = module.losses(batch)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if on_gpu:
            torch.cuda.synchronize()
        times.append(clock() - start)
    measured = sorted(times[WARM_UP:])
    name = torch.cuda.get_device_name() if on_gpu else f"this CPU, {torch.get_num_threads()} threads"
    source = f"measured: {len(measured)} steps on {name}, without reading videos"
    return Pace(measured[len(measured) // 2] / step.clips, source)


def planned_module(experiment: Experiment, steps: int) -> VideoModule:
    """The module of an experiment whose data need not be here: of them it gets facts and the number of classes."""
    return build_module(experiment, _stand_in(experiment), None, steps)


def _stand_in(experiment: Experiment) -> Any:
    if isinstance(experiment.data, MixtureConfig):
        return SimpleNamespace(classes=[])
    facts, count = DATASETS[experiment.data.name][0].facts, 0
    if isinstance(experiment.data, QuestionConfig):  # null, all training answers, is known of lists alone
        count = (experiment.data.vocabulary or 0) + 1
    return SimpleNamespace(classes=range(count or facts.num_classes), facts=facts)
