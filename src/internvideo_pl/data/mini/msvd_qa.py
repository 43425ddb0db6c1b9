"""The miniature in the layout of MSVD-QA: three JSON lists, YouTube names behind a mapping, a folder of avi files."""

from pathlib import Path

import numpy as np

from internvideo_pl.data.mini.kinetics import ALPHABET
from internvideo_pl.data.mini.layout import MiniClip
from internvideo_pl.data.mini.msrvtt_qa import write_lists
from internvideo_pl.data.mini.questions import QuestionMini, draw_scenes

FOLDER = "YouTubeClips"


def plan(seed: int, options: QuestionMini) -> list[MiniClip]:
    """All videos; a name is a YouTube id and the seconds of the clip, not padded."""
    clips = []
    for number, (split, scene) in enumerate(draw_scenes(seed, options)):
        rng = np.random.default_rng((seed, 4, number))
        start = int(rng.integers(300))
        name = "".join(rng.choice(list(ALPHABET), 11)) + f"_{start}_{start + int(rng.integers(4, 20))}"
        clips.append(MiniClip(f"{FOLDER}/{name}.avi", scene, split))
    return clips


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: QuestionMini) -> None:
    """Writes {train,val,test}_qa.json and youtube_mapping.txt, whose numbers count from 1."""
    numbers = {clip.path: number for number, clip in enumerate(clips, 1)}
    lines = [f"{Path(path).stem} vid{number}\n" for path, number in sorted(numbers.items())]
    (folder / "youtube_mapping.txt").write_text("".join(lines), encoding="utf-8")
    write_lists(folder, clips, seed, options, lambda clip: {"video_id": numbers[clip.path]})
