"""The miniature in the layout of HMDB51: a list of every class in every split, one folder of avi files a class.

A class is a cool colour and a texture. Class names are those whose order is disputed, and file names hold the
characters that real ones do.
"""

from itertools import product
from pathlib import Path

from internvideo_pl.data.mini.folds import FOLDS, FoldsMini, plan_folds
from internvideo_pl.data.mini.layout import Layout, MiniClip
from internvideo_pl.data.mini.world import COOL

NAMES = ("climb", "climb_stairs", "kick", "kick_ball", "wave", "brush_hair")
CLASSES = list(product(COOL, ("checked", "dotted")))
TITLES = ("Fan_#1!", "Take[2]", "A&B_(HD)", "Part~3;4", "April_09", "_-_Kill__Vol___1")
UNUSED = 5  # every so manieth clip that a split does not test on is in neither of its lists


def plan(seed: int, options: FoldsMini) -> list[MiniClip]:
    """All clips."""
    clips = []
    for clip in plan_folds(seed, options, CLASSES, stream=1):
        name = NAMES[clip.label]
        title = TITLES[clip.number % len(TITLES)]
        path = f"{name}/{title}_{name}_f_cm_np1_fr_med_{clip.number}.avi"
        clips.append(MiniClip(path, clip.scene, clip.part))
    return clips


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: FoldsMini) -> None:
    """Writes testTrainMulti_7030_splits/<class>_test_split<n>.txt, each line with a blank at its end."""
    lists = folder / "testTrainMulti_7030_splits"
    lists.mkdir()
    for name, fold in product(NAMES, FOLDS):
        own = sorted((Path(clip.path).name, clip.split) for clip in clips if clip.path.startswith(f"{name}/"))
        lines = [f"{file} {_mark(place, part, fold)} \n" for place, (file, part) in enumerate(own)]
        (lists / f"{name}_test_split{fold}.txt").write_text("".join(lines), encoding="utf-8")


def _mark(place: int, part: str, fold: int) -> int:
    if part == f"fold_{fold}":
        return 2
    return 0 if place % UNUSED == 0 else 1


LAYOUT = Layout(FoldsMini, plan, annotate)
