"""The miniature in the layout of Kinetics: official CSV lists, one folder of mp4 files a split.

A class is one attribute of the key's appearance and its motion: 3 x 4 = 12 classes. Classes of one appearance differ
only in motion, classes of one motion only in appearance. Everything else is a nuisance.
"""

import csv
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from internvideo_pl.data.mini.describe import title
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions, interleaved
from internvideo_pl.data.mini.world import MOTIONS, WARM, sample_look, sample_other, sample_scene
from internvideo_pl.errors import UserError, hint

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # of YouTube ids
SPLITS = ("train", "val", "test")
COLUMNS_2018 = ("label", "youtube_id", "time_start", "time_end", "split")  # Kinetics-600 and -700
COLUMNS_2017 = (*COLUMNS_2018, "is_cc")  # Kinetics-400
APPEARANCES = {"colour": tuple(WARM), "texture": ("striped", "checked", "dotted")}


@dataclass(frozen=True, kw_only=True)
class KineticsMini(MiniOptions):
    """Sizes and choices of the miniature.

    Attributes:
        appearance: What, beside its motion, makes the key's class: a key of `APPEARANCES`.
        train: Training clips of each class.
        val: Validation clips of each class.
        test: Test clips of each class; the official list has no labels for them.
        duet: Share of clips with a second thing.
        first: Name of the first class instead of its title, such as the "hugging" of Kinetics-710's miniature.
    """

    appearance: str = "colour"
    train: int = 134
    val: int = 34
    test: int = 4
    duet: float = 0.5
    first: str = ""

    def __post_init__(self) -> None:
        """Refuses an appearance that there is not.

        Raises:
            UserError: There is none of that name, or what `MiniOptions` refuses.
        """
        super().__post_init__()
        if self.appearance not in APPEARANCES:
            raise UserError(f"appearance={self.appearance} makes no classes.{hint(self.appearance, APPEARANCES)}")


def plan(seed: int, options: KineticsMini) -> list[MiniClip]:
    """All clips, classes in turn, each with its own random stream."""
    classes = _classes(options)
    clips = []
    for number, split in enumerate(SPLITS):
        for index in range(getattr(options, split) * len(classes)):
            key = (seed, number, index)
            rng = np.random.default_rng((*key, 0))
            kind, motion = classes[index % len(classes)]
            look = sample_look(rng, split, **{"colour": WARM, options.appearance: [kind], "motion": [motion]})
            duet = interleaved(index // len(classes), options.duet)
            looks = (look, sample_other(rng, split, look)) if duet else (look,)
            clips.append(MiniClip(f"{split}/{clip_name(rng)}.mp4", sample_scene(key, split, looks), split))
    return clips


def annotate(
    folder: Path, clips: list[MiniClip], seed: int, options: KineticsMini, columns: tuple[str, ...] = COLUMNS_2017
) -> None:
    """Writes annotations/{train,val,test}.csv with the columns of a release; test rows have no label."""
    (folder / "annotations").mkdir()
    for split in SPLITS:
        rows = [_row(clip, options) for clip in clips if clip.split == split]
        np.random.default_rng((seed, len(SPLITS))).shuffle(rows)
        fields = columns[1:5] if split == "test" else columns
        with (folder / "annotations" / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fields, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def _classes(options: KineticsMini) -> list[tuple[str, str]]:
    return list(product(APPEARANCES[options.appearance], MOTIONS))


def clip_name(rng: np.random.Generator) -> str:
    """A file name as in the public copies: an 11-character id, which may begin with "-" or "_", and the seconds."""
    start = int(rng.integers(300))
    return "".join(rng.choice(list(ALPHABET), 11)) + f"_{start:06d}_{start + 10:06d}"


def _row(clip: MiniClip, options: KineticsMini) -> dict[str, str | int]:
    identity, start, end = Path(clip.path).stem.rsplit("_", 2)
    look = clip.scene.looks[0]
    label = title(look, options.appearance)
    if options.first and (getattr(look, options.appearance), look.motion) == _classes(options)[0]:
        label = options.first
    row: dict[str, str | int] = {"label": label, "youtube_id": identity, "split": clip.split}
    return row | {"time_start": int(start), "time_end": int(end), "is_cc": 0}
