"""The miniature in the layout of MSRVTT-QA: three JSON lists of questions, MSR-VTT's folder of videos."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.layout import MiniClip
from internvideo_pl.data.mini.questions import SPLITS, QuestionMini, ask, draw_scenes


def plan(seed: int, options: QuestionMini) -> list[MiniClip]:
    """All videos, numbered from 0 through training, validation and test, as in the challenge of 2016."""
    scenes = enumerate(draw_scenes(seed, options))
    return [MiniClip(f"videos/all/video{number}.mp4", scene, split) for number, (split, scene) in scenes]


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: QuestionMini) -> None:
    """Writes {train,val,test}_qa.json."""
    rng = np.random.default_rng((seed, len(SPLITS)))
    numbers = {clip.path: number for number, clip in enumerate(clips)}

    def entry(clip: MiniClip) -> dict[str, Any]:
        return {"video_id": numbers[clip.path], "category_id": int(rng.integers(20))}

    write_lists(folder, clips, seed, options, entry)


def write_lists(
    folder: Path, clips: list[MiniClip], seed: int, options: QuestionMini, entry: Callable[[MiniClip], dict[str, Any]]
) -> None:
    """Writes {train,val,test}_qa.json; ids count on through all three.

    Args:
        folder: The miniature's.
        clips: In the order of their ids.
        seed: Of the miniature.
        options: Its options.
        entry: What a record says of its video.
    """
    identity = 0
    for split in SPLITS:
        records = []
        for number, clip in enumerate(clips):
            if clip.split != split:
                continue
            rng = np.random.default_rng((seed, len(SPLITS) + 1, number))
            for asked in ask(rng, clip.scene.looks, split, options.questions):
                record = {"answer": asked.answer, "question": f"{asked.text}?", "id": identity}
                records.append(record | entry(clip))
                identity += 1
        (folder / f"{split}_qa.json").write_text(json.dumps(records), encoding="utf-8")
