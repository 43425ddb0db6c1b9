"""The miniature in the layout of THUMOS14: a text file a class and split, ambiguous stretches in one of their own.

The last action of every fifth video is ambiguous. Every "yellow shape moving left" is a "yellow shape moving" as well,
as every CliffDiving is a Diving.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

from internvideo_pl.data.mini.layout import Layout, MiniClip
from internvideo_pl.data.mini.untrimmed import CLASSES, UntrimmedMini, films, instances
from internvideo_pl.data.mini.world import Film

FOLDERS = {"train": ("TH14_validation_set_mp4", "validation"), "val": ("TH14_Test_set_mp4", "test")}
SPLITS = {"train": "val", "val": "test"}  # as the files name them
WITHIN = {"YellowShapeMovingLeft": "YellowShapeMoving"}
AMBIGUOUS = "Ambiguous"
EVERY = 5  # videos of which one has an ambiguous stretch
NAMES = sorted({*("".join(word.capitalize() for word in name.split()) for name in CLASSES), *WITHIN.values()})


def layout() -> Layout:
    """THUMOS14: the annotation folder of the evaluation kit, the class list, two folders of videos."""
    return Layout(UntrimmedMini, plan, annotate)


def plan(seed: int, options: UntrimmedMini) -> list[MiniClip]:
    """All videos."""
    paths = {
        split: [f"{folder}/video_{word}_{number:07d}.mp4" for number in range(1, getattr(options, split) + 1)]
        for split, (folder, word) in FOLDERS.items()
    }
    return films(seed, options, paths)


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: Any) -> None:
    """Writes annotation/<Class>_{val,test}.txt, Ambiguous_{val,test}.txt and detclasslist.txt."""
    place = folder / "annotation"
    place.mkdir()
    lines: dict[tuple[str, str], list[str]] = defaultdict(list)
    for number, clip in enumerate(clips):
        assert isinstance(clip.scene, Film)
        found = instances(clip.scene)
        for index, (name, start, end) in enumerate(found):
            unsure = number % EVERY == 0 and index == len(found) - 1 and index > 0
            words = "".join(word.capitalize() for word in name.split())
            for each in [AMBIGUOUS] if unsure else [words, *filter(None, [WITHIN.get(words)])]:
                lines[each, SPLITS[clip.split]].append(f"{Path(clip.path).stem}  {start:.1f} {end:.1f}\n")
    for split in SPLITS.values():
        for name in [*NAMES, AMBIGUOUS]:
            (place / f"{name}_{split}.txt").write_text("".join(lines[name, split]), encoding="utf-8")
    numbered = (f"{7 + 5 * number} {name}\n" for number, name in enumerate(NAMES))  # UCF101's numbers, not in a row
    (folder / "detclasslist.txt").write_text("".join(numbered), encoding="utf-8")
