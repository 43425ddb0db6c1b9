"""The miniature in the layout of UCF101: class index, lists of three splits, one folder of avi files a class.

A class is a warm colour and a texture. Names and their order are those that sorting would change, and one
folder's name differs from its files' in case.
"""

from itertools import product
from pathlib import Path

from internvideo_pl.data.mini.folds import FOLDS, FoldsMini, plan_folds
from internvideo_pl.data.mini.layout import Layout, MiniClip
from internvideo_pl.data.mini.world import WARM

NAMES = ("Biking", "Hammering", "HammerThrow", "HandstandPushups", "JumpingJack", "JumpRope")
CLASSES = list(product(WARM, ("plain", "striped")))
FILE_NAMES = {"HandstandPushups": "HandStandPushups"}
GROUP = 4  # clips of one group


def plan(seed: int, options: FoldsMini) -> list[MiniClip]:
    """All clips; the numbers of groups tell the parts apart."""
    clips = []
    for clip in plan_folds(seed, options, CLASSES, stream=2):
        name = NAMES[clip.label]
        group, take = clip.number // GROUP + 1, clip.number % GROUP + 1
        path = f"UCF-101/{name}/v_{FILE_NAMES.get(name, name)}_g{group:02d}_c{take:02d}.avi"
        clips.append(MiniClip(path, clip.scene, clip.part))
    return clips


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: FoldsMini) -> None:
    """Writes ucfTrainTestlist/, with the line ends of Windows; test lists have no label."""
    lists = folder / "ucfTrainTestlist"
    lists.mkdir()
    _write(lists / "classInd.txt", [f"{number} {name}" for number, name in enumerate(NAMES, start=1)])
    for fold in FOLDS:
        found: dict[bool, list[str]] = {True: [], False: []}
        for clip in sorted(clips, key=lambda clip: clip.path):
            found[clip.split == f"fold_{fold}"].append(clip.path.removeprefix("UCF-101/"))
        numbered = [f"{path} {NAMES.index(path.split('/')[0]) + 1}" for path in found[False]]
        _write(lists / f"trainlist0{fold}.txt", numbered)
        _write(lists / f"testlist0{fold}.txt", found[True])


def _write(path: Path, lines: list[str]) -> None:
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())


LAYOUT = Layout(FoldsMini, plan, annotate)
