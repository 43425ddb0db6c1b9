"""What an experiment will take, before anything is rented: steps, operations, memory, hours, energy."""

import math
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch

from data_modules import DATASETS
from internvideo_pl.callbacks.cost import GRAMS_PER_KWH
from internvideo_pl.callbacks.energy import BOARD_WATTS
from internvideo_pl.callbacks.throughput import PEAK_FLOPS
from internvideo_pl.config import Experiment, load_experiment
from internvideo_pl.data.batch import Batch
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.parts import MixtureConfig
from internvideo_pl.data.questions import QuestionConfig
from internvideo_pl.data.temporal.module import LocalizationConfig
from internvideo_pl.errors import UserError, hint
from internvideo_pl.modules.shape import StepShape, step_shape
from internvideo_pl.run.batches import StepBatch, share_out
from internvideo_pl.run.build import build_data, build_module, check_fit, readers_of
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.tables.render import print_table
from internvideo_pl.tables.table import Cell, Column, Table

GIB = 2**30
MFU = 0.30  # the best that is published of vision transformers in training on an H100 (NeMo, 28.9 %)
ROOM = 0.9  # of a GPU's memory that a run may plan with: the rest is workspace and fragmentation
HALF = 0.55  # activations in bfloat16: half, but for sums and norms that stay in float32
CPU_SHARE = 1.3  # energy of a whole server over its GPUs': processors, memory, fans
PROBE_SECONDS = 20.0
WARM_UP = 2

# Memory in GB from the makers' data sheets; board power and peak are those of the cost and throughput callbacks.
MEMORY_GB = {
    "B200": 192,
    "H200": 141,
    "H100": 80,
    "A100": 80,
    "V100": 32,
    "L40S": 48,
    "L4": 24,
    "RTX 4090": 24,
    "RTX 3090": 24,
    "T4": 16,
}


@dataclass(frozen=True)
class Pace:
    """How fast the plan takes a device to be.

    Attributes:
        seconds_per_clip: Of one device.
        source: Measured or assumed, in words.
    """

    seconds_per_clip: float
    source: str


def main(name: str, overrides: list[str], mini: bool, gpu: str | None, mfu: float | None, price: float | None) -> None:
    """Print the plan of an experiment.

    Args:
        name: The experiment.
        overrides: `key=value` arguments, `trainer.devices` and `trainer.num_nodes` among them.
        mini: Whether the miniature and the tiny size are planned.
        gpu: A row of `MEMORY_GB`, in any case; None measures this machine in a short probe.
        mfu: Share of the GPU's peak that is assumed; `MFU` by default.
        price: Of one GPU hour, in whatever currency; None leaves the cost out.

    Raises:
        UserError: Something that the person must mend.
    """
    experiment = load_experiment(name, overrides, mini, schemas=SCHEMAS)
    if experiment.stages:
        raise UserError(f"{name} runs several experiments: plan one of its stages, such as {experiment.stages[0]}")
    check_fit(experiment)
    share_out(experiment)
    if isinstance(experiment.data, LocalizationConfig) and experiment.data.sampling != "windows":
        raise UserError(f"{name} trains on features, minutes of one GPU: there is nothing to plan; plan their encoder")
    board = None if gpu is None else _board(gpu)
    if mfu is not None and not 0 < mfu <= 1:
        raise UserError(f"MFU={mfu} is a share of the peak: give one above 0 and at most 1, such as 0.3")
    clips, source = _clips(experiment)
    steps = _steps(experiment, clips)
    if steps == 0:
        raise UserError(f"{name} trains nothing: there is no step to plan")
    with torch.device("meta"):
        module = build_module(experiment, _classes(experiment), None, steps)
    shape = step_shape(module, experiment.data.num_frames, experiment.data.size)
    pace = _assumed(shape, board, mfu or MFU) if board else _probed(experiment, steps)
    facts = _facts(experiment, shape, steps, clips, source, pace, board, price)
    table = Table(f"Plan: {name}", [Column("what"), Column("how much", number=True), Column("from")], facts)
    print_table(table)


def _board(gpu: str) -> str:
    """The row of the tables that a word like "h200" or "rtx4090" means."""
    short = {name.lower().replace(" ", ""): name for name in MEMORY_GB}
    word = gpu.lower().replace(" ", "").replace("-", "")
    if word not in short:
        raise UserError(f"There are no facts about the GPU {gpu!r}; known: {', '.join(short)}.{hint(word, short)}")
    return short[word]


def _look_up(table: dict[str, Any], board: str) -> Any:
    return next(value for part, value in table.items() if part in board or board in part)


def _classes(experiment: Experiment) -> Any:
    """What building a module reads of the data: facts, and the classes by their number alone."""
    if isinstance(experiment.data, MixtureConfig):
        return SimpleNamespace(classes=[])
    facts, count = DATASETS[experiment.data.name][0].facts, 0
    if isinstance(experiment.data, QuestionConfig):  # null, all training answers, is known of lists alone
        count = (experiment.data.vocabulary or 0) + 1
    return SimpleNamespace(classes=range(count or facts.num_classes), facts=facts)


def _clips(experiment: Experiment) -> tuple[int, str]:
    """Training videos of an epoch, from the lists on disk if they are here, else from the official counts."""
    try:
        data = build_data(experiment, FrameCache())
        return data.steps_per_epoch() * experiment.data.batch_size, "the lists on disk"
    except UserError:
        kinds = [DATASETS[reader.data.name][0] for reader in readers_of(experiment).values()]
        counts = [kind.facts.splits.get("train", 0) for kind in kinds]
        if not all(counts):  # of a person's own videos, or no count is published: the lists are needed
            raise
        return sum(counts), "official counts; the data are not here"


def _steps(experiment: Experiment, clips: int) -> int:
    trainer = experiment.trainer
    limits = [trainer.max_steps] if trainer.max_steps >= 0 else []
    if trainer.max_epochs >= 0:
        limits.append(trainer.max_epochs * max(clips // StepBatch.of(experiment).size, 1))
    return min(limits)


def _assumed(shape: StepShape, board: str, mfu: float) -> Pace:
    peak = _look_up(PEAK_FLOPS, board)
    return Pace(shape.flops / (mfu * peak), f"assumed: {mfu:.0%} of the {board}'s {peak / 1e12:.0f} TFLOP/s")


def _probed(experiment: Experiment, steps: int) -> Pace:
    """Seconds for a clip of real steps on made-up clips on this machine; input is not in it."""
    on_gpu = torch.cuda.is_available() and experiment.trainer.accelerator != "cpu"
    device = torch.device("cuda" if on_gpu else "cpu")
    module = build_module(experiment, _classes(experiment), None, steps).to(device)
    module.train()
    optimizer = module.configure_optimizers()["optimizer"]
    config = experiment.data
    clips = torch.zeros(config.batch_size, dtype=torch.int64, device=device)
    pixels = torch.randint(256, (config.batch_size, config.num_frames, config.size, config.size, 3), device=device)
    batch = Batch(pixels.byte(), clips, clips, clips, ["a sentence"] * len(clips), keys=list(range(len(clips))))
    half = experiment.trainer.precision != "32-true"
    seconds: list[float] = []
    begun = time.perf_counter()
    while len(seconds) < WARM_UP + 1 or time.perf_counter() - begun < PROBE_SECONDS:
        start = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            loss = module.losses(batch)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if on_gpu:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    step = sorted(seconds[WARM_UP:])[len(seconds[WARM_UP:]) // 2]
    name = torch.cuda.get_device_name() if on_gpu else f"this CPU, {torch.get_num_threads()} threads"
    return Pace(step / config.batch_size, f"measured: {len(seconds) - WARM_UP} steps on {name}, without reading videos")


def _facts(
    experiment: Experiment,
    shape: StepShape,
    steps: int,
    clips: int,
    source: str,
    pace: Pace,
    board: str | None,
    price: float | None,
) -> list[list[Cell]]:
    """The plan's lines."""
    step = StepBatch.of(experiment)
    world, batch = step.devices, step.each
    trained = steps * step.size
    hours = trained * pace.seconds_per_clip / world / 3600
    averaged = experiment.optimizer is not None and experiment.optimizer.ema is not None
    states = shape.states(averaged)
    share = 1.0 if experiment.trainer.precision == "32-true" else HALF
    each = share * shape.activations
    lines: list[tuple[str, str, str]] = [
        ("training clips an epoch", f"{clips:,}", source),
        ("global batch", f"{step.size:,}", str(step)),
        ("optimiser steps", f"{steps:,}", f"{trained:,} clips"),
        ("parameters", f"{shape.parameters / 1e6:,.1f} M", f"{shape.trainable / 1e6:,.1f} M of them trained"),
        ("operations a clip", _flop(shape.flops), "counted: forward and backward"),
        ("operations in all", _flop(shape.flops * trained), ""),
        ("pace of a device", f"{1 / pace.seconds_per_clip:,.2f} clips/s", pace.source),
        ("hours", f"{hours:,.2f}", "training alone" if world == 1 else f"training alone, on {world} devices"),
        ("device hours", f"{hours * world:,.2f}", ""),
        (
            "videos to be read",
            f"{world / pace.seconds_per_clip:,.1f} /s",
            "or the devices wait: see make bench ONLY=decoding",
        ),
        ("memory of states", f"{states / GIB:,.2f} GiB", "weights, gradients, AdamW" + (", EMA" if averaged else "")),
        ("memory of activations", f"{each * batch / GIB:,.2f} GiB", f"estimated: {each / 2**20:,.0f} MiB a clip"),
    ]
    if board is not None:
        lines += _rented(board, hours * world, each, states, batch, price)
    return [[Cell(what), Cell(much), Cell(where, tone="muted")] for what, much, where in lines]


def _flop(number: float) -> str:
    """In the prefix that leaves one to three digits before the point."""
    power = max(min(int(math.log10(max(number, 1)) // 3), 6), 2)
    return f"{number / 1000**power:,.3g} {' kMGTPE'[power].strip()}FLOP"


def _rented(
    board: str, device_hours: float, each: float, states: int, batch: int, price: float | None
) -> list[tuple[str, str, str]]:
    memory = MEMORY_GB[board] * 1e9
    fits = math.floor(max(ROOM * memory - states, 0) / each)
    verdict = "" if fits >= batch else f"; {batch} do not: take fewer and accumulate, or backbone checkpointing"
    watts = _look_up(BOARD_WATTS, board)
    kwh = device_hours * watts * CPU_SHARE / 1000
    lines = [
        ("clips that fit", f"{fits:,}", f"estimated: {ROOM:.0%} of {MEMORY_GB[board]} GB{verdict}"),
        ("energy", f"{kwh:,.1f} kWh", f"estimated: {watts} W a board, the rest of the server {CPU_SHARE - 1:.0%} more"),
        ("carbon dioxide", f"{kwh * GRAMS_PER_KWH['world'] / 1000:,.1f} kg", "at the world's average of electricity"),
    ]
    return (
        lines if price is None else [*lines, ("price", f"{device_hours * price:,.2f}", f"at {price:g} a device hour")]
    )
