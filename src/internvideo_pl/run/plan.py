"""What an experiment will take, before anything is rented: steps, operations, memory, hours, energy."""

import math
from dataclasses import dataclass

import torch

from internvideo_pl.callbacks.cost import GRAMS_PER_KWH
from internvideo_pl.config import Experiment
from internvideo_pl.data.temporal.module import LocalizationConfig
from internvideo_pl.errors import UserError
from internvideo_pl.modules.shape import StepShape, step_shape
from internvideo_pl.run.batches import StepBatch, optimiser_steps, share_out
from internvideo_pl.run.build import check_fit
from internvideo_pl.run.epoch import videos_of_an_epoch
from internvideo_pl.run.gpus import Gpu, gpu_called
from internvideo_pl.run.pace import MFU, Pace, assumed, planned_module, probed
from internvideo_pl.run.stages import load_stages
from internvideo_pl.tables.render import print_table
from internvideo_pl.tables.table import Cell, Column, Table

GIB = 2**30
ROOM = 0.9  # of a GPU's memory that a run may plan with: the rest is workspace and fragmentation
HALF = 0.55  # activations in bfloat16: half, but for sums and norms that stay in float32
PIXEL = 1 + 4 + 4  # bytes of a value of a clip: as it is read, in float32, and while it is normalised once more
CPU_SHARE = 1.3  # energy of a whole server over its GPUs': processors, memory, fans

Line = tuple[str, str, str]


@dataclass(frozen=True)
class Length:
    """How long an experiment trains.

    Attributes:
        videos: Of an epoch; None where the number of steps is given and nobody has to know.
        source: Where that number comes from, in words.
        steps: Optimiser steps.
    """

    videos: int | None
    source: str
    steps: int


def main(
    name: str,
    overrides: list[str],
    mini: bool,
    gpu: str | None,
    mfu: float | None,
    price: float | None,
    data: str | None = None,
) -> None:
    """Print the plan of an experiment.

    Args:
        name: The experiment.
        overrides: `key=value` arguments, `trainer.devices` and `trainer.num_nodes` among them.
        mini: Whether the miniature and the tiny size are planned.
        gpu: A row of `MEMORY_GB`, in any case; None measures this machine in a short probe.
        mfu: Share of the GPU's peak that is assumed; `MFU` by default.
        price: Of one GPU hour, in whatever currency; None leaves the cost out.
        data: The dataset's folder; stands for `data.root=<folder>`.

    Raises:
        UserError: Something that the person must mend.
    """
    experiment = planned(name, overrides, mini, data)
    board = None if gpu is None else gpu_called(gpu)
    if mfu is not None and not 0 < mfu <= 1:
        raise UserError(f"MFU={mfu} is a share of the peak: give one above 0 and at most 1, such as 0.3")
    if price is not None and not 0 <= price < math.inf:
        raise UserError(f"PRICE={price:g} is no price of a device hour: give a number of 0 or more, such as 2.5")
    length = length_of(experiment)
    shape = shape_of(experiment, length.steps)
    pace = assumed(shape, board, mfu or MFU) if board else probed(experiment, length.steps)
    facts = [
        [Cell(what), Cell(much), Cell(where, tone="muted")]
        for what, much, where in _lines(experiment, shape, length, pace, board, price)
    ]
    print_table(Table(f"Plan: {name}", [Column("what"), Column("how much", number=True), Column("from")], facts))


def planned(name: str, overrides: list[str], mini: bool, data: str | None = None) -> Experiment:
    """An experiment that can be planned, its batch shared out over its devices.

    Raises:
        UserError: It cannot, or there is a mistake in its name or arguments.
    """
    whole, runs = load_stages(name, overrides, mini, data)
    if whole.stages:
        raise UserError(f"{name} runs several experiments: plan one of its stages, such as {whole.stages[0]}")
    experiment = runs[0]
    check_fit(experiment)
    share_out(experiment)
    if isinstance(experiment.data, LocalizationConfig) and experiment.data.sampling != "windows":
        raise UserError(f"{name} trains on features, minutes of one GPU: there is nothing to plan; plan their encoder")
    return experiment


def length_of(experiment: Experiment) -> Length:
    """How long it trains; the videos of an epoch are asked for only where epochs end it.

    Raises:
        UserError: It trains nothing, or the videos cannot be counted.
    """
    trainer, step = experiment.trainer, StepBatch.of(experiment)
    if 0 in (trainer.max_steps, trainer.max_epochs):
        raise UserError(f"{experiment.name} trains nothing: there is no step to plan")
    if trainer.max_epochs < 0:
        return Length(None, "", optimiser_steps(trainer, 0))
    videos, source = videos_of_an_epoch(experiment)
    batches = max(videos // step.each // step.devices, 1)
    return Length(videos, source, optimiser_steps(trainer, batches))


def shape_of(experiment: Experiment, steps: int) -> StepShape:
    """What a step of a device takes by its shapes, its images included."""
    with torch.device("meta"):
        module = planned_module(experiment, steps)
    step = StepBatch.of(experiment)
    return step_shape(module, experiment.data.num_frames, experiment.data.size, step.clips, step.images)


def activations_each(experiment: Experiment, shape: StepShape) -> float:
    """Bytes that a clip keeps for the backward pass in the run's precision; an estimate where that is a mixed one."""
    return shape.activations * (1.0 if experiment.trainer.precision == "32-true" else HALF)


def pixels_each(experiment: Experiment) -> float:
    """Bytes of a clip's pixels and, in a mixture, of its share of the step's images."""
    step, data = StepBatch.of(experiment), experiment.data
    return PIXEL * 3 * data.size**2 * (data.num_frames + step.images / step.clips)


def averages(experiment: Experiment) -> bool:
    """Whether a moving average of the weights is kept beside them."""
    return experiment.optimizer is not None and experiment.optimizer.ema is not None


def _lines(
    experiment: Experiment, shape: StepShape, length: Length, pace: Pace, gpu: Gpu | None, price: float | None
) -> list[Line]:
    """The plan's lines. A clip is a view of a video, of which repeated augmentation draws several (data.num_sample)."""
    step = StepBatch.of(experiment)
    world, videos = step.devices, length.steps * step.size
    hours = videos * step.views * pace.seconds_per_clip / world / 3600
    states = shape.states(averages(experiment))
    each, pixels = activations_each(experiment, shape), pixels_each(experiment)
    lines: list[Line] = []
    if length.videos is not None:
        lines.append(("training videos an epoch", f"{length.videos:,}", length.source))
    lines += [
        ("global batch", f"{step.size:,}", _batch(step)),
        ("optimiser steps", f"{length.steps:,}", f"{videos:,} videos, {videos * step.views:,} clips"),
        ("parameters", f"{shape.parameters / 1e6:,.1f} M", f"{shape.trainable / 1e6:,.1f} M of them trained"),
        *_operations(shape, step, videos * step.views),
        ("pace of a device", f"{1 / pace.seconds_per_clip:,.2f} clips/s", pace.source),
        ("hours", f"{hours:,.2f}", "training alone" if world == 1 else f"training alone, on {world} devices"),
        ("device hours", f"{hours * world:,.2f}", ""),
        *_reading(step, world / pace.seconds_per_clip / step.views),
        ("memory of states", _gib(states), "weights, gradients, AdamW" + (", EMA" if averages(experiment) else "")),
        ("memory of activations", _gib(each * step.clips), f"estimated: {each / 2**20:,.0f} MiB a clip{_with(step)}"),
        ("memory of pixels", _gib(pixels * step.clips), "a step's clips as bytes and, twice, in float32"),
    ]
    return lines if gpu is None else lines + _rented(gpu, hours * world, each + pixels, states, step, price)


def _batch(step: StepBatch) -> str:
    views = f", {step.views} clips of each" if step.views > 1 else ""
    images = step.images // step.views * step.devices * step.accumulated
    return f"videos: {step}{views}" + (f", beside {images:,} images" if images else "")


def _with(step: StepBatch) -> str:
    """What a clip's share of a step is, where it is more than the clip."""
    return f", with {step.images / step.clips:.3g} images" if step.images else ""


def _operations(shape: StepShape, step: StepBatch, clips: int) -> list[Line]:
    lines = [("operations a clip", _flop(shape.flops), f"counted: forward and backward{_with(step)}")]
    if shape.recomputed:
        once_more = "by checkpointing; MFU counts useful operations, so hours at one have this in them"
        lines.append(("recomputed a clip", _flop(shape.recomputed), once_more))
    return [*lines, ("operations in all", _flop(shape.flops * clips), "nothing recomputed" if shape.recomputed else "")]


def _reading(step: StepBatch, videos: float) -> list[Line]:
    where = "or the devices wait: see make bench ONLY=decoding"
    lines = [("videos to be read", f"{videos:,.1f} /s", where)]
    if step.images:
        lines.append(("images to be read", f"{videos * step.images / step.clips:,.1f} /s", "beside them"))
    return lines


def _gib(number: float) -> str:
    return f"{number / GIB:,.2f} GiB"


def _flop(number: float) -> str:
    """In the prefix that leaves one to three digits before the point."""
    power = max(min(int(math.log10(max(number, 1)) // 3), 7), 2)
    return f"{number / 1000**power:,.3g} {' kMGTPEZ'[power].strip()}FLOP"


def _rented(
    gpu: Gpu, device_hours: float, each: float, states: int, step: StepBatch, price: float | None
) -> list[Line]:
    fits = math.floor(max(ROOM * gpu.memory - states, 0) / max(each, 1))
    too_many = f"; {step.clips} do not: take fewer and accumulate, or backbone checkpointing"
    verdict = "" if fits >= step.clips else too_many
    kwh = device_hours * gpu.watts * CPU_SHARE / 1000
    more = f"the rest of the server {CPU_SHARE - 1:.0%} more"
    lines = [
        ("clips that fit", f"{fits:,}", f"estimated: {ROOM:.0%} of {gpu.memory / 1e9:.0f} GB{verdict}"),
        ("energy", f"{kwh:,.1f} kWh", f"estimated: {gpu.watts} W a board, {more}"),
        ("carbon dioxide", f"{kwh * GRAMS_PER_KWH['world'] / 1000:,.1f} kg", "at the world's average of electricity"),
    ]
    return (
        lines if price is None else [*lines, ("price", f"{device_hours * price:,.2f}", f"at {price:g} a device hour")]
    )
