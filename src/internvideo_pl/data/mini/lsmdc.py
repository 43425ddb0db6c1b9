"""The miniature in the layout of LSMDC: three lists with tabs, AVI files in folders of films.

Some clips stand in two lines of the training list, and some sentences have a lone quotation mark.
"""

from functools import partial
from pathlib import Path

import numpy as np

from internvideo_pl.data.mini.captioned import CaptionedMini, of_split, plan
from internvideo_pl.data.mini.describe import caption, paraphrases
from internvideo_pl.data.mini.layout import Layout, MiniClip

LISTS = {
    "train": "LSMDC16_annos_training.csv",
    "val": "LSMDC16_annos_val.csv",
    "test": "LSMDC16_challenge_1000_publictect.csv",
}
FILMS = ("1001_The_Drifting_Disc", "1002_Torus", "0003_CROSS_AND_RING", "3004_WARM_COLOURS_2009")
EVERY = 10  # of so many training clips one has a second line, another a lone quotation mark


def name(rng: np.random.Generator, number: int) -> str:
    """A film, and begin and end within it, which the clip's id repeats."""
    film, start = FILMS[number % len(FILMS)], 60.0 * number + float(rng.uniform(0, 50))
    clip = f"{film}_{_clock(start)}-{_clock(start + float(rng.uniform(2, 6)))}"
    return f"videos/{film}/{clip}.avi"


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: CaptionedMini) -> None:
    """Writes the three lists."""
    for split, listed in LISTS.items():
        lines = [line for i, clip in enumerate(of_split(clips, split)) for line in _lines(clip, i, split)]
        (folder / listed).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _lines(clip: MiniClip, index: int, split: str) -> list[str]:
    rng, looks = np.random.default_rng((*clip.scene.seed, 3)), clip.scene.looks
    said = [caption(looks)] if split == "test" else paraphrases(rng, looks, 3)[: 2 if index % EVERY == 0 else 1]
    if len(looks) == 1:
        said = [f"SOMEONE sees {sentence}." for sentence in said]
    quoted = split == "train" and index % EVERY == 1
    times = Path(clip.path).stem.rpartition("_")[2].split("-") * 2
    return ["\t".join([Path(clip.path).stem, *times, f'"{sentence}' if quoted else sentence]) for sentence in said]


def _clock(seconds: float) -> str:
    """Seconds as hh.mm.ss.mmm."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}.{whole // 60 % 60:02d}.{whole % 60:02d}.{thousandths:03d}"


LAYOUT = Layout(CaptionedMini, partial(plan, name=name), annotate)
