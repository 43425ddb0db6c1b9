"""The miniature in the layout of WebVid: one CSV list a split, videos in folders of pages.

Every video has one sentence, the canonical one or a paraphrase, as a stock video has one caption.
"""

import csv
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from internvideo_pl.data.mini.describe import paraphrases
from internvideo_pl.data.mini.encode import FPS
from internvideo_pl.data.mini.layout import Layout, MiniClip, MiniOptions, interleaved
from internvideo_pl.data.mini.world import WARM, Look, sample_look, sample_other, sample_scene

COLUMNS = ("videoid", "contentUrl", "duration", "page_dir", "name")
PAGE = 50  # videos a folder, as in the release, whose folders are called 000001_000050


@dataclass(frozen=True, kw_only=True)
class WebVidMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        train: Training videos.
        val: Validation videos.
        duet: Share of videos with a second thing.
    """

    train: int = 600
    val: int = 100
    duet: float = 0.7


def plan(seed: int, options: WebVidMini) -> list[MiniClip]:
    """All videos, training first; numbers are drawn without order, as the release's are."""
    rng = np.random.default_rng((seed, 0))
    numbers = rng.choice(10**7, options.train + options.val, replace=False)
    clips = []
    for place, number in enumerate(int(n) for n in numbers):
        split = "train" if place < options.train else "val"
        looks = draw_looks(rng, split, interleaved(place, options.duet))
        page = place // PAGE * PAGE
        path = f"videos/{page + 1:06d}_{page + PAGE:06d}/{number}.mp4"
        clips.append(MiniClip(path, sample_scene((seed, 1, number), split, looks), split))
    return clips


def draw_looks(rng: np.random.Generator, split: str, duet: bool) -> tuple[Look, ...]:
    """What a captioned clip shows: one thing of any kind, or two."""
    key = sample_look(rng, split, colour=WARM)
    return (key, sample_other(rng, split, key)) if duet else (key,)


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: WebVidMini, version: str) -> None:
    """Writes results_<version>_{train,val}.csv with the columns of the release."""
    for number, split in enumerate(("train", "val")):
        rng = np.random.default_rng((seed, 2, number))
        with (folder / f"results_{version}_{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(_row(clip, rng, options) for clip in clips if clip.split == split)


def _row(clip: MiniClip, rng: np.random.Generator, options: WebVidMini) -> list[str]:
    path = Path(clip.path)
    seconds = options.frames / FPS
    sentence = paraphrases(rng, clip.scene.looks, 2)[0]
    return [path.stem, f"https://example.com/{path.name}", f"PT00H00M{seconds:05.2f}S", path.parent.name, sentence]


def layout(version: str) -> Layout:
    """The layout of WebVid-2M or -10M, which differ in the names of their lists."""
    return Layout(WebVidMini, plan, partial(annotate, version=version))
