"""Retrieval on random features: figures of large test sets in blocks beside the whole matrix; search in memory.

Shapes: Q texts, V videos, D embedding width.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch

from internvideo_pl.bench import Options
from internvideo_pl.bench.report import Goal, Section, Value
from internvideo_pl.bench.timing import Contender, Step, once, peak_memory, race, speedup
from internvideo_pl.metrics.blocks import ROWS, blocked_figures
from internvideo_pl.metrics.ranking import figures, similarity
from internvideo_pl.search.index import Index
from internvideo_pl.search.store import Embedded

WIDTH = 256
SET = (4_000, 12_000)  # texts and videos of the comparison: the matrix still fits
GALLERY, QUERIES = 1_000_000, ROWS  # a gallery of the size of a pretraining set; one block of texts
ALL_QUERIES = 100_000
PARTS = [(QUERIES, GALLERY), (ALL_QUERIES, 10_000)]  # what of all texts and all videos is measured in minutes
GIB = 2**30
CLIPS, CLIP_WIDTH, SENTENCES = (10_000, 100_000), 768, 20  # of a search; L/14's embedding
PATIENCE = 0.1  # seconds that a sentence may take among the fewer clips
BOUND = 6.0  # GiB for the large gallery: its features twice (as handed over and normalised) are 2 GiB, torch half a one


def run(options: Options) -> Iterator[Section]:
    """Yields the comparison, the search in memory, then the gallery of a million videos."""
    yield _beside_the_matrix(options)
    yield _search(options)
    yield _large_gallery([(ALL_QUERIES, GALLERY)] if options.everything else PARTS)


def _features(texts: int, videos: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    owner = torch.randperm(videos, generator=generator)[:texts] if videos > texts else torch.arange(texts)
    return (
        torch.randn(texts, WIDTH, generator=generator),
        torch.randn(videos, WIDTH, generator=generator),
        owner,
    )


def _blocked(texts: int, videos: int) -> Step:
    text, video, owner = _features(texts, videos)
    return lambda: blocked_figures(text, video, owner, 100.0)


def _whole(texts: int, videos: int) -> Step:
    """Raw and dual softmax from one matrix; every video needs a text there, so the first `texts` have two."""
    text, video, _ = _features(videos, texts)
    owner = torch.arange(videos) % texts

    def step() -> object:
        scores = similarity(text, video, 100.0)
        return [figures(scores, owner, dual) for dual in (False, True)]

    return step


def _blocked_several(texts: int, videos: int) -> Step:
    text, video, _ = _features(videos, texts)
    owner = torch.arange(videos) % texts
    return lambda: blocked_figures(text, video, owner, 100.0)


def _beside_the_matrix(options: Options) -> Section:
    contenders = [
        Contender("whole matrix", partial(_whole, *SET)),
        Contender("blocks", partial(_blocked_several, *SET)),
    ]
    timings = race(contenders, options.rounds)
    memory = {each.name: peak_memory(each) / GIB for each in contenders}
    rows: list[dict[str, Value]] = [
        {"scores": name, "seconds": timing.median, "peak GiB": memory[name]} for name, timing in timings.items()
    ]
    share = 1 / speedup(timings, "blocks", over="whole matrix")
    return Section(
        f"retrieval figures, {SET[1]:,} texts of {SET[0]:,} videos",
        rows,
        [Goal("memory, blocks over matrix", memory["blocks"] / memory["whole matrix"], 0.5, at_most=True)],
        [f"Raw and dual softmax, both directions, width {WIDTH}; blocks take {share:.2f} of the matrix's time."],
    )


def _searches(clips: int) -> Step:
    """`SENTENCES` searches among videos of one window."""
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((clips, CLIP_WIDTH), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    times = np.zeros((1, 2), np.float32)
    index = Index([Embedded(vectors[i : i + 1], times) for i in range(clips)])
    return lambda: [index.search(query, 5) for query in vectors[:SENTENCES]]


def _search(options: Options) -> Section:
    contenders = [Contender(f"{clips:,} clips", partial(_searches, clips)) for clips in CLIPS]
    timings = race(contenders, options.rounds)
    rows: list[dict[str, Value]] = [
        {
            "index": f"{clips:,} clips",
            "ms a sentence": 1000 * timings[f"{clips:,} clips"].median / SENTENCES,
            "vectors MB": clips * CLIP_WIDTH * 4 / 1e6,
        }
        for clips in CLIPS
    ]
    seconds = timings[f"{CLIPS[0]:,} clips"].median / SENTENCES
    return Section(
        "search in memory",
        rows,
        [Goal(f"seconds a sentence, {CLIPS[0]:,} clips", seconds, PATIENCE, at_most=True)],
        [f"Five best videos of random vectors of width {CLIP_WIDTH}; the sentence's own encoding is not in it."],
    )


def _large_gallery(sizes: Sequence[tuple[int, int]]) -> Section:
    rows: list[dict[str, Value]] = []
    for texts, videos in sizes:
        build = partial(_blocked, texts, videos) if videos > texts else partial(_blocked_several, videos, texts)
        seconds, held = once(Contender("blocks", build))
        rows.append(_large_row(f"{texts:,}", f"{videos:,}", seconds, held / GIB, 4 * texts * videos / GIB))
    if len(sizes) > 1:
        rows.append(_extrapolated(sizes, rows))
    return Section(
        "a large gallery",
        rows,
        [Goal("peak memory, GiB", max(float(row["peak GiB"] or 0) for row in rows), BOUND, at_most=True)],
        [
            f"All figures, both directions, raw and dual softmax, width {WIDTH}; the matrix is never built. What is "
            "extrapolated is so from the first row: time by the number of texts, memory by their features."
        ],
    )


def _large_row(texts: str, videos: str, seconds: float, peak: float, matrix: float) -> dict[str, Value]:
    return {"texts": texts, "videos": videos, "seconds": seconds, "peak GiB": peak, "matrix GiB": matrix}


def _extrapolated(sizes: Sequence[tuple[int, int]], rows: Sequence[dict[str, Value]]) -> dict[str, Value]:
    """All texts against the whole gallery, from the first row; features are held twice, as given and normalised."""
    (texts, videos), first = sizes[0], rows[0]
    more = 2 * 4 * WIDTH * (ALL_QUERIES - texts) / GIB
    seconds, peak = (float(first[name] or 0) for name in ("seconds", "peak GiB"))
    times = ALL_QUERIES / texts
    matrix = 4 * ALL_QUERIES * videos / GIB
    return _large_row(f"{ALL_QUERIES:,} (extrapolated)", f"{videos:,}", seconds * times, peak + more, matrix)
