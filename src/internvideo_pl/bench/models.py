"""Training steps and inference of ours beside transformers' models of the same size, in the same run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch

from internvideo_pl.backbones.multimodal_sizes import MULTIMODAL
from internvideo_pl.backbones.sizes import MASKED_DECODER, MASKED_VIT
from internvideo_pl.bench import Options, clip, videomae
from internvideo_pl.bench.machine import GIB, Shape, matmul_rate
from internvideo_pl.bench.report import Goal, Section, Value
from internvideo_pl.bench.timing import Contender, Step, Timing, peak_memory, race, speedup, spread_of_speedup
from internvideo_pl.models.cost import BACKWARD, clip_of, forward_flops, pretrain_flops

THEIRS_FULL, THEIRS_HALF = "transformers, float32", "transformers, bf16"
OURS_FULL, OURS_HALF = "ours, float32", "ours, bf16"
RUNNING, KEPT = "ours, bf16, running cells", 0.5  # VideoMAE V2 decodes half of the tokens

BATCH = {"small": 4, "base": 4, "large": 2}  # clips of a training step: some seconds and some GiB on two cores
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


def run(options: Options) -> Iterator[Section]:
    """Yields one section a kind of step and size."""
    sizes = list(BATCH) if options.everything else ["small", "base"]
    towers = [size for size in sizes if size in MULTIMODAL]
    kinds = ((pretraining, sizes), (recognition, sizes), (alignment, towers), (matching, towers))
    notes: Sequence[str] = HOW
    for compare, these in kinds:
        for size in these:
            yield measure(compare(size), options.rounds, notes)
            notes = ()


def pretraining(size: str) -> Comparison:
    """A step of masked pretraining."""
    batch, encoder, decoder = BATCH[size], MASKED_VIT[size], MASKED_DECODER[size]
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


def recognition(size: str) -> Comparison:
    """Class scores of one clip."""
    with torch.device("meta"):
        model = videomae.our_classifier(size)
    width, tokens = MASKED_VIT[size].width, _tokens(size)
    return Comparison(
        title=f"recognition, ViT-{size}: one clip",
        unit="clips",
        samples=1,
        tokens=tokens,
        builds=_builds(videomae.classify_ours, videomae.classify_theirs, size, 1),
        flops=forward_flops(model, clip_of(model.input)),
        layers=[(tokens, width, 4 * width)],
    )


def alignment(size: str) -> Comparison:
    """A contrastive step on frames and sentences."""
    batch = 2 * BATCH[size]
    builds = _builds(clip.align_ours, clip.align_theirs, size, batch)
    return _towers(f"CLIP, {size}: a step of {batch} frames and sentences", size, batch, builds, 1 + BACKWARD)


def matching(size: str) -> Comparison:
    """Similarities of frames and sentences."""
    batch = 2 * BATCH[size]
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
    memory = {contender.name: peak_memory(contender) for contender in contenders}
    rows = [_row(comparison, name, timings, rates[_dtype(name)], memory[name]) for name in timings]
    goals = [_goal(timings, name, over, wanted) for (name, over), wanted in comparison.goals.items()]
    return Section(comparison.title, rows, goals, (*notes, _floor(comparison, timings, rates)))


def _goal(timings: Mapping[str, Timing], name: str, over: str, wanted: float) -> Goal:
    measured, noise = speedup(timings, name, over), spread_of_speedup(timings, name, over)
    return Goal(f"{name}, times the speed of {over}", measured, wanted, noise=noise)


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
