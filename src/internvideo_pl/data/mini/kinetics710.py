"""The miniature of Kinetics-710: three small Kinetics that overlap as the real ones do.

The older the version, the fewer classes it has, and one class has an older name there. A third of the training videos
are in every version that has their class. Half of the validation videos are so too; the others are in the validation
list of the oldest version and, wrongly placed as in the real ones, in the training list of the newest.
"""

import csv
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from internvideo_pl.data.mini.describe import title
from internvideo_pl.data.mini.kinetics import clip_name
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions, interleaved
from internvideo_pl.data.mini.world import MOTIONS, WARM, sample_look, sample_other, sample_scene

CLASSES = list(product(WARM, MOTIONS))
VERSIONS = {"kinetics400": 8, "kinetics600": 10, "kinetics700": 12}  # the first so many classes
SYNONYM = {"kinetics400": "hugging", "kinetics600": "hugging (not baby)", "kinetics700": "hugging (not baby)"}
LISTS = {"train": 0, "val": 1}


@dataclass(frozen=True, kw_only=True)
class Kinetics710Mini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        train: Distinct training videos of each class.
        val: Distinct validation videos of each class.
        duet: Share of clips with a second thing.
    """

    train: int = 60
    val: int = 12
    duet: float = 0.5


def plan(seed: int, options: Kinetics710Mini) -> list[MiniClip]:
    """All files; a video that is in several lists is a file of each."""
    clips = []
    for split, number in LISTS.items():
        for index in range(getattr(options, split) * len(CLASSES)):
            key = (seed, number, index)
            rng = np.random.default_rng((*key, 0))
            colour, motion = CLASSES[index % len(CLASSES)]
            look = sample_look(rng, split, colour=[colour], motion=[motion])
            duet = interleaved(index // len(CLASSES), options.duet)
            looks = (look, sample_other(rng, split, look)) if duet else (look,)
            name, scene = clip_name(rng), sample_scene(key, split, looks)
            places = _places(split, index // len(CLASSES), index % len(CLASSES))
            clips += [MiniClip(f"{version}/{where}/{name}.mp4", scene, where) for version, where in places]
    return clips


def _places(split: str, index: int, label: int) -> list[tuple[str, str]]:
    """(version, list) of each list that names the `index`-th video of a class."""
    versions = [version for version, classes in VERSIONS.items() if label < classes]
    if split == "val" and index % 2 and len(versions) > 1:
        return [(versions[0], "val"), (versions[-1], "train")]
    if split == "val" or index % 3 == 0:
        return [(version, split) for version in versions]
    return [(versions[index % len(versions)], split)]


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: Kinetics710Mini) -> None:
    """Writes <version>/annotations/{train,val}.csv with the columns of the releases; K400's alone have `is_cc`."""
    for version in VERSIONS:
        (folder / version / "annotations").mkdir(parents=True)
        for number, split in enumerate(LISTS):
            rows = [_row(clip, version) for clip in clips if clip.path.startswith(f"{version}/{split}/")]
            np.random.default_rng((seed, 9, number)).shuffle(rows)
            fields = ["label", "youtube_id", "time_start", "time_end", "split"]
            with (folder / version / "annotations" / f"{split}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, [*fields, "is_cc"] if version == "kinetics400" else fields)
                writer.writeheader()
                writer.writerows(rows)


def _row(clip: MiniClip, version: str) -> dict[str, str | int]:
    identity, start, end = Path(clip.path).stem.rsplit("_", 2)
    look = clip.scene.looks[0]
    label = SYNONYM[version] if (look.colour, look.motion) == CLASSES[0] else title(look, "colour")
    row: dict[str, str | int] = {"label": label, "youtube_id": identity, "split": clip.split}
    row |= {"time_start": int(start), "time_end": int(end)}
    return row | ({"is_cc": 0} if version == "kinetics400" else {})
