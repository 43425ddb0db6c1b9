"""Training steps and inference of ours beside transformers' models of the same size, in the same run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch

from internvideo_pl.backbones.multimodal_sizes import MULTIMODAL
from internvideo_pl.backbones.sizes import MASKED_DECODER, MASKED_VIT
from internvideo_pl.bench import Options, clip, videomae
from internvideo_pl.bench.batch import all_fit, largest_batch, release
from internvideo_pl.bench.machine import GIB, Shape, device, matmul_rate
from internvideo_pl.bench.report import Goal, Section, Value
from internvideo_pl.bench.timing import Contender, Step, Timing, peak_memory, race, speedup, spread_of_speedup
from internvideo_pl.callbacks.throughput import peak_flops
from internvideo_pl.models.cost import BACKWARD, clip_of, forward_flops, pretrain_flops

THEIRS_FULL, THEIRS_HALF = "transformers, float32", "transformers, bf16"
OURS_FULL, OURS_HALF, COMPILED = "ours, float32", "ours, bf16", "ours, bf16, compiled"
RUNNING, KEPT = "ours, bf16, running cells", 0.5  # VideoMAE V2 decodes half of the tokens

BATCH = {"small": 4, "base": 4, "large": 2}  # clips of a training step: some seconds and some GiB on two cores
GPU_SIZES = ("base", "large", "huge")  # on a GPU, where each step has the batch that fits
# Per cent of the dense bf16 peak that a GPU should reach, by kind and size.
MFU_GOALS = {
    "pretraining": {"base": 30.0, "large": 40.0, "huge": 45.0},
    "recognition": {"base": 55.0, "large": 55.0, "huge": 55.0},  # forward alone, as of a frozen encoder
    "alignment": {"large": 40.0},
}
# How many times faster than which other contender.
Goals = Mapping[tuple[str, str], float]
NO_SLOWER: Goals = {(OURS_FULL, THEIRS_FULL): 1.0, (OURS_HALF, THEIRS_HALF): 1.0}
PRETRAINING_GOALS: dict[str, Goals] = {"base": {(OURS_FULL, THEIRS_FULL): 1.1, (OURS_HALF, THEIRS_FULL): 2.5}}

HOW = (
    "bf16 is autocast: weights, optimiser and loss stay in float32. transformers runs with its own defaults, which are "
    "also its fastest: scaled_dot_product_attention and the fused AdamW. All get the same tensors, batch and threads.",
    "FLOP/s count what our model needs (2 x MAC, the backward pass twice the forward pass, nothing for recomputation), "
    "for transformers too; their share is of the fastest matrix product of the layers' own shapes, timed just before.",
)


@dataclass(frozen=True)
class Comparison:
    """A kind of step at one size.

    Attributes:
        title: As it is printed.
        unit: What a sample is, in the plural.
        samples: In a step.
        tokens: Of a sample, hidden ones included.
        builds: The contenders' names and what builds their steps.
        flops: Operations of a step.
        layers: Shapes of the step's large matrix products.
        fewer: Operations of the contenders that do something else by design.
        goals: What is wanted.
        mfu: Per cent of the GPU's peak that is wanted of the compiled contender; None for no goal.
    """

    title: str
    unit: str
    samples: int
    tokens: int
    builds: Mapping[str, Callable[[], Step]]
    flops: int
    layers: Sequence[Shape]
    fewer: Mapping[str, int] = field(default_factory=dict)
    goals: Goals = field(default_factory=lambda: NO_SLOWER)
    mfu: float | None = None


def run(options: Options) -> Iterator[Section]:
    """Yields one section a kind of step and size."""
    on_gpu = device().type == "cuda"
    sizes = sizes_of(on_gpu, options.everything)
    towers = [size for size in sizes if size in MULTIMODAL]
    kinds = ((pretraining, sizes), (recognition, sizes), (alignment, towers), (matching, towers))
    notes: Sequence[str] = HOW
    for compare, these in kinds:
        for size in these:
            yield measure(fitting(compare, size) if on_gpu else compare(size), options.rounds, notes)
            notes = ()


def sizes_of(on_gpu: bool, everything: bool) -> list[str]:
    """The sizes that are compared."""
    if on_gpu:
        return [*(["small"] if everything else []), *GPU_SIZES]
    return list(BATCH) if everything else ["small", "base"]


def fitting(compare: Callable[[str, int | None], Comparison], size: str) -> Comparison:
    """A comparison on a GPU: with the largest batch that fits, and with our model compiled.

    Raises:
        UserError: Not even one sample fits.
    """

    def fits(batch: int) -> bool:
        builds = compare(size, batch).builds
        return all_fit([*builds.values(), builds[OURS_HALF]])  # the compiled contender takes no more than a second one

    comparison = compare(size, largest_batch(fits))
    ours: Any = comparison.builds[OURS_HALF]  # a partial of a function that can be told to compile
    compiled = partial(ours, compiled=True)
    wanted = MFU_GOALS.get(compare.__name__, {}).get(size)
    return replace(comparison, builds={**comparison.builds, COMPILED: compiled}, mfu=wanted)


def pretraining(size: str, batch: int | None = None) -> Comparison:
    """A step of masked pretraining."""
    batch, encoder, decoder = batch or BATCH[size], MASKED_VIT[size], MASKED_DECODER[size]
    with torch.device("meta"):
        model = videomae.our_pretraining(size).model
    tokens = _tokens(size)
    visible = round(tokens * (1 - videomae.MASK_RATIO))
    return Comparison(
        title=f"masked pretraining, ViT-{size}: a step of {batch} clips",
        unit="clips",
        samples=batch,
        tokens=tokens,
        builds=_builds(videomae.pretrain_ours, videomae.pretrain_theirs, size, batch)
        | {RUNNING: partial(videomae.pretrain_ours, size, batch, True, KEPT)},
        flops=batch * pretrain_flops(model, videomae.MASK_RATIO),
        layers=[
            (batch * visible, encoder.width, 4 * encoder.width),
            (batch * tokens, decoder.width, 4 * decoder.width),
        ],
        fewer={RUNNING: batch * pretrain_flops(model, videomae.MASK_RATIO, KEPT)},
        goals=PRETRAINING_GOALS.get(size, NO_SLOWER),
    )


def recognition(size: str, batch: int | None = None) -> Comparison:
    """Class scores of one clip, or of a batch."""
    batch = batch or 1
    with torch.device("meta"):
        model = videomae.our_classifier(size)
    width, tokens = MASKED_VIT[size].width, _tokens(size)
    return Comparison(
        title=f"recognition, ViT-{size}: {'one clip' if batch == 1 else f'{batch} clips'}",
        unit="clips",
        samples=batch,
        tokens=tokens,
        builds=_builds(videomae.classify_ours, videomae.classify_theirs, size, batch),
        flops=batch * forward_flops(model, clip_of(model.input)),
        layers=[(batch * tokens, width, 4 * width)],
    )


def alignment(size: str, batch: int | None = None) -> Comparison:
    """A contrastive step on frames and sentences."""
    batch = batch or 2 * BATCH[size]
    builds = _builds(clip.align_ours, clip.align_theirs, size, batch)
    return _towers(f"CLIP, {size}: a step of {batch} frames and sentences", size, batch, builds, 1 + BACKWARD)


def matching(size: str, batch: int | None = None) -> Comparison:
    """Similarities of frames and sentences."""
    batch = batch or 2 * BATCH[size]
    builds = _builds(clip.match_ours, clip.match_theirs, size, batch)
    return _towers(f"CLIP, {size}: similarities of {batch} frames and sentences", size, batch, builds, 1)


def measure(comparison: Comparison, rounds: int, notes: Sequence[str] = ()) -> Section:
    """Times the contenders of a comparison, then measures the memory of each.

    Args:
        comparison: What is compared.
        rounds: How often each contender is timed.
        notes: What a reader has to know of all sections.
    """
    contenders = [Contender(name, build) for name, build in comparison.builds.items()]
    rates = {dtype: matmul_rate(dtype, comparison.layers) for dtype in (torch.float32, torch.bfloat16)}
    timings = race(contenders, rounds)
    release()  # each is measured again in a process of its own
    memory = {contender.name: peak_memory(contender) for contender in contenders}
    rows = [_row(comparison, name, timings, rates[_dtype(name)], memory[name]) for name in timings]
    goals = [_goal(timings, name, over, wanted) for (name, over), wanted in comparison.goals.items()]
    if peak := _peak():
        rows = [row | {"MFU %": _mfu(comparison, str(row["contender"]), timings, peak)} for row in rows]
        if comparison.mfu is not None:
            found = _mfu(comparison, COMPILED, timings, peak)
            goals.append(Goal(f"{COMPILED}: MFU, % of the dense bf16 peak", found, comparison.mfu))
    return Section(comparison.title, rows, goals, (*notes, _floor(comparison, timings, rates)))


def _goal(timings: Mapping[str, Timing], name: str, over: str, wanted: float) -> Goal:
    measured, noise = speedup(timings, name, over), spread_of_speedup(timings, name, over)
    return Goal(f"{name}, times the speed of {over}", measured, wanted, noise=noise)


def _peak() -> float | None:
    """The GPU's dense bf16 peak by its data sheet, where there is one that is known."""
    return peak_flops(torch.cuda.get_device_name()) if device().type == "cuda" else None


def _mfu(comparison: Comparison, name: str, timings: Mapping[str, Timing], peak: float) -> float:
    """Per cent of a peak that a contender's useful operations reach."""
    return 100 * comparison.fewer.get(name, comparison.flops) / timings[name].median / peak


def _row(
    comparison: Comparison, name: str, timings: Mapping[str, Timing], rate: float, memory: int
) -> dict[str, Value]:
    seconds = timings[name].median
    achieved = comparison.fewer.get(name, comparison.flops) / seconds
    return {
        "contender": name,
        "ms": 1000 * seconds,
        "+- %": 100 * timings[name].spread,
        f"{comparison.unit}/s": comparison.samples / seconds,
        "tokens/s": round(comparison.samples * comparison.tokens / seconds),
        "GFLOP/s": achieved / 1e9,
        "% of products": 100 * achieved / rate,
        "peak GiB": memory / GIB,
        "times theirs": speedup(timings, name, THEIRS_FULL),
    }


def _floor(comparison: Comparison, timings: Mapping[str, Timing], rates: Mapping[torch.dtype, float]) -> str:
    """What no implementation can undercut: the step's operations at the rate of the fastest matrix product."""
    rate, half_rate = rates[torch.float32], rates[torch.bfloat16]
    floor, half_floor = comparison.flops / rate, comparison.flops / half_rate
    most = timings[THEIRS_FULL].median / half_floor
    return (
        f"Products reach {rate / 1e9:.0f} GFLOP/s in float32 and {half_rate / 1e9:.0f} in bf16. Those of a step, with "
        f"attention, take at least {1000 * floor:.0f} and {1000 * half_floor:.0f} ms, so nothing in bf16 could be more "
        f"than {most:.2f} times as fast as {THEIRS_FULL}."
    )


def _builds(
    ours: Callable[..., Step], theirs: Callable[..., Step], size: str, batch: int
) -> dict[str, Callable[[], Step]]:
    return {
        THEIRS_FULL: partial(theirs, size, batch, False),
        OURS_FULL: partial(ours, size, batch, False),
        THEIRS_HALF: partial(theirs, size, batch, True),
        OURS_HALF: partial(ours, size, batch, True),
    }


def _towers(title: str, size: str, batch: int, builds: dict[str, Callable[[], Step]], passes: int) -> Comparison:
    config = MULTIMODAL[size]
    with torch.device("meta"):
        model = clip.our_towers(size)
        flops = forward_flops(model, clip.frames(size, batch)[:, :, None], clip.sentences(size, batch))
    patches, length = (config.video.size // config.video.patch) ** 2 + 1, config.text.context_length
    return Comparison(
        title=title,
        unit="pairs",
        samples=batch,
        tokens=patches + length,
        builds=builds,
        flops=passes * flops,
        layers=[
            (batch * patches, config.video.width, 4 * config.video.width),
            (batch * length, config.text.width, 4 * config.text.width),
        ],
    )


def _dtype(name: str) -> torch.dtype:
    return torch.float32 if name in (THEIRS_FULL, OURS_FULL) else torch.bfloat16


def _tokens(size: str) -> int:
    slots, rows, columns = MASKED_VIT[size].grid
    return slots * rows * columns
