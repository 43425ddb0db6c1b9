"""The miniature in the layout of LSMDC's multiple choice: three TAB-separated lists, a folder of avi files a movie."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from internvideo_pl.data.mini.layout import MiniClip
from internvideo_pl.data.mini.msrvtt_challenge import choose
from internvideo_pl.data.mini.questions import QuestionMini, draw_scenes

MOVIES = ("0001_Shapes_Adrift", "1007_The_Red_Ring", "3012_NIGHT_OF_DISCS", "3056_PURPLE_ENEMIES")
NAMES = {"train": "train", "val": "valid", "test": "test_randomized"}


@dataclass(frozen=True, kw_only=True)
class LsmdcMini(QuestionMini):
    """Sizes of the miniature."""

    train: int = 900
    test: int = 200
    duet: float = 0.7


def plan(seed: int, options: LsmdcMini) -> list[MiniClip]:
    """All clips; a name is its movie and its times, hh.mm.ss.mmm."""
    clips = []
    for number, (split, scene) in enumerate(draw_scenes(seed, options)):
        movie = MOVIES[number % len(MOVIES)]
        clip = f"{movie}_{_time(2 * number)}-{_time(2 * number + 1.5)}"
        clips.append(MiniClip(f"{movie}/{clip}.avi", scene, split))
    return clips


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: LsmdcMini) -> None:
    """Writes LSMDC16_multiple_choice_{train,valid,test_randomized}.csv; sentences begin with SOMEONE, a few quote."""
    for split, name in NAMES.items():
        own = [clip for clip in clips if clip.split == split]
        lines = []
        for place, clip in enumerate(own):
            chosen, right = choose(np.random.default_rng((seed, 5, place)), clip, own)
            if split != "test":
                chosen.insert(0, chosen.pop(right))
            times = Path(clip.path).stem.rpartition("_")[2].split("-")
            fields = [Path(clip.path).stem, *times, *times, *(_someone(said, place) for said in chosen)]
            lines.append("\t".join([*fields, str(right + 1)] if split == "test" else fields) + "\n")
        (folder / f"LSMDC16_multiple_choice_{name}.csv").write_text("".join(lines), encoding="utf-8")


def _someone(said: str, place: int) -> str:
    """A sentence as the movies' describers write: somebody sees it; every tenth row has a stray quote."""
    return f'SOMEONE sees {said}."' if place % 10 == 9 else f"SOMEONE sees {said}."


def _time(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02d}.{minutes:02d}.{int(rest):02d}.{round(rest % 1 * 1000):03d}"
