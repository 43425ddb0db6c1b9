"""The miniature in the layout of HowTo100M: longer videos, one CSV list, one JSON of narrations with their times."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from internvideo_pl.data.mini.describe import paraphrases
from internvideo_pl.data.mini.encode import FPS
from internvideo_pl.data.mini.kinetics import ALPHABET
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions, interleaved
from internvideo_pl.data.mini.webvid import draw_looks
from internvideo_pl.data.mini.world import sample_scene


@dataclass(frozen=True, kw_only=True)
class HowToMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        videos: How many.
        frames: Frames of a video: 3 seconds.
        captions: Narrations of each video, one after the other.
        duet: Share of videos with a second thing.
    """

    videos: int = 240
    frames: int = 24
    captions: int = 2
    duet: float = 0.7


def plan(seed: int, options: HowToMini) -> list[MiniClip]:
    """All videos; their ids use YouTube's whole alphabet."""
    clips = []
    for number in range(options.videos):
        rng = np.random.default_rng((seed, 0, number))
        name = "".join(rng.choice(list(ALPHABET), 11))
        looks = draw_looks(rng, "train", interleaved(number, options.duet))
        clips.append(MiniClip(f"videos/{name}.mp4", sample_scene((seed, 1, number), "train", looks), "train"))
    return clips


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: HowToMini) -> None:
    """Writes HowTo100M_v1.csv and caption.json with the fields of the release."""
    with (folder / "HowTo100M_v1.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["video_id", "category_1", "category_2", "rank", "task_id"])
        writer.writerows([_id(clip), "Arts", "Moving shapes", 1 + i % 200, i] for i, clip in enumerate(clips))
    each = options.frames / FPS / options.captions
    said = {}
    for number, clip in enumerate(clips):
        rng = np.random.default_rng((seed, 2, number))
        starts = [round(i * each, 3) for i in range(options.captions)]
        text = paraphrases(rng, clip.scene.looks, options.captions + 1)[: options.captions]
        said[_id(clip)] = {"start": starts, "end": [round(start + each, 3) for start in starts], "text": text}
    (folder / "caption.json").write_text(json.dumps(said), encoding="utf-8")


def _id(clip: MiniClip) -> str:
    return Path(clip.path).stem
