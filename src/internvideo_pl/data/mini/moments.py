"""The miniature in the layout of Moments in Time v2: categories, two lists without a head, mp4 files in class folders.

A class is a cool colour and any motion.
"""

import csv
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from internvideo_pl.data.mini.layout import Layout, MiniClip, MiniOptions
from internvideo_pl.data.mini.world import COOL, MOTIONS, sample_look, sample_scene

CLASSES = list(product(COOL, MOTIONS))
# Real categories in their real order, which is no alphabetical one.
NAMES = (
    *("clapping", "dropping", "burying", "covering", "flooding", "leaping", "playing+fun", "raining"),
    *("stitching", "child+singing", "spraying", "adult+female+singing"),
)
LISTS = {"train": ("training", "trainingSet.csv"), "val": ("validation", "validationSet.csv")}


@dataclass(frozen=True, kw_only=True)
class MomentsMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        train: Training clips of each class.
        val: Validation clips of each class.
    """

    train: int = 40
    val: int = 12


def plan(seed: int, options: MomentsMini) -> list[MiniClip]:
    """All clips, classes in turn."""
    clips = []
    for number, split in enumerate(LISTS):
        for index in range(getattr(options, split) * len(CLASSES)):
            key = (seed, 3, number, index)
            rng = np.random.default_rng((*key, 0))
            colour, motion = CLASSES[index % len(CLASSES)]
            look = sample_look(rng, split, colour=[colour], motion=[motion])
            file = f"yt-{rng.integers(16**8):08x}_{index}.mp4"
            path = f"{LISTS[split][0]}/{NAMES[index % len(CLASSES)]}/{file}"
            clips.append(MiniClip(path, sample_scene(key, split, (look,)), split))
    return clips


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: MomentsMini) -> None:
    """Writes moments_categories.txt, trainingSet.csv and validationSet.csv."""
    categories = "".join(f"{name},{index}\n" for index, name in enumerate(NAMES))
    (folder / "moments_categories.txt").write_text(categories, encoding="utf-8")
    rng = np.random.default_rng((seed, 3))
    for split, (place, name) in LISTS.items():
        paths = [clip.path.removeprefix(f"{place}/") for clip in clips if clip.split == split]
        rows = [(path, path.split("/")[0], int(rng.integers(2, 4)), int(rng.integers(0, 2))) for path in paths]
        rng.shuffle(rows)
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


LAYOUT = Layout(MomentsMini, plan, annotate)
