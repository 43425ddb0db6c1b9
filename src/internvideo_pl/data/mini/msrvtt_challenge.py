"""The miniature in the layout of MSR-VTT's 2016 challenge, with multiple choice: one JSON, one list of choices."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.describe import caption, paraphrases
from internvideo_pl.data.mini.encode import FPS
from internvideo_pl.data.mini.layout import MiniClip
from internvideo_pl.data.mini.questions import QuestionMini, draw_scenes
from internvideo_pl.data.mini.world import Look

OFFICIAL = {"train": "train", "val": "validate", "test": "test"}
OPTIONS = 5


@dataclass(frozen=True, kw_only=True)
class ChallengeMini(QuestionMini):
    """Sizes of the miniature.

    Attributes:
        captions: Sentences of each video.
    """

    train: int = 900
    test: int = 200
    duet: float = 0.7
    captions: int = 5


def plan(seed: int, options: ChallengeMini) -> list[MiniClip]:
    """All videos, numbered from 0 through training, validation and test."""
    scenes = enumerate(draw_scenes(seed, options))
    return [MiniClip(f"videos/all/video{number}.mp4", scene, split) for number, (split, scene) in scenes]


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: ChallengeMini) -> None:
    """Writes MSRVTT_data.json and msrvtt_mc_test.jsonl."""
    videos: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    for number, clip in enumerate(clips):
        rng = np.random.default_rng((seed, 5, number))
        videos.append(_video(number, clip, rng, options))
        for said in paraphrases(rng, clip.scene.looks, options.captions):
            sentences.append({"caption": said, "video_id": f"video{number}", "sen_id": len(sentences)})
    data = {"info": {}, "videos": videos, "sentences": sentences}
    (folder / "MSRVTT_data.json").write_text(json.dumps(data), encoding="utf-8")
    test = [clip for clip in clips if clip.split == "test"]
    first = len(clips) - len(test)
    lines = []
    for place, clip in enumerate(test):
        choices, right = choose(np.random.default_rng((seed, 6, place)), clip, test)
        line = {"clip_name": f"video{first + place}", "options": choices, "answer": right, "qid": place}
        lines.append(json.dumps(line) + "\n")
    (folder / "msrvtt_mc_test.jsonl").write_text("".join(lines), encoding="utf-8")


def choose(rng: np.random.Generator, clip: MiniClip, others: list[MiniClip]) -> tuple[list[str], int]:
    """A clip's canonical caption among those of four other clips that look different, and its place from 0.

    Where there are not so many, captions come twice.
    """
    mine: tuple[Look, ...] = clip.scene.looks
    wrong = [other.scene.looks for other in others if other.scene.looks != mine] or [mine]
    picked = rng.choice(len(wrong), OPTIONS - 1, replace=len(wrong) < OPTIONS - 1)
    options = [mine, *(wrong[int(place)] for place in picked)]
    order = [int(place) for place in rng.permutation(OPTIONS)]
    return [caption(options[place]) for place in order], order.index(0)


def _video(number: int, clip: MiniClip, rng: np.random.Generator, options: ChallengeMini) -> dict[str, Any]:
    start = round(float(rng.uniform(0, 300)), 2)
    return {
        "category": int(rng.integers(20)),
        "url": f"https://www.youtube.com/watch?v=video{number}",
        "video_id": f"video{number}",
        "start time": start,
        "end time": round(start + options.frames / FPS, 2),
        "split": OFFICIAL[clip.split],
        "id": number,
    }
