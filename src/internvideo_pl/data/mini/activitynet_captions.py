"""The miniature in the layout of ActivityNet Captions: sentences with times in JSON; mp4, mkv and webm files.

No sentence says everything: only the paragraph does.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.captioned import CaptionedMini, of_split, plan
from internvideo_pl.data.mini.describe import paragraph
from internvideo_pl.data.mini.encode import FPS
from internvideo_pl.data.mini.kinetics import ALPHABET
from internvideo_pl.data.mini.layout import Layout, MiniClip

ENDINGS = (".mp4", ".mp4", ".mkv", ".mp4", ".webm", ".mp4")


def name(rng: np.random.Generator, number: int) -> str:
    """v_ and a YouTube id; the ending is that of whatever was there to download."""
    return f"videos/v_{''.join(rng.choice(list(ALPHABET), 11))}{ENDINGS[number % len(ENDINGS)]}"


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: CaptionedMini) -> None:
    """Writes train.json, val_1.json and val_2.json; a training sentence ends after its video, as a few real ones do."""
    train = {Path(clip.path).stem: _entry(clip, 0, options) for clip in clips if clip.split != "test"}
    next(iter(train.values()))["timestamps"][-1][1] += 100.0
    tested = of_split(clips, "test")
    first = {Path(clip.path).stem: _entry(clip, 0, options) for clip in tested}
    second = {Path(clip.path).stem: _entry(clip, 1, options) for clip in tested[::2]}
    for file, told in (("train", train), ("val_1", first), ("val_2", second)):
        (folder / f"{file}.json").write_text(json.dumps(told), encoding="utf-8")


def _entry(clip: MiniClip, turn: int, options: CaptionedMini) -> dict[str, Any]:
    """An entry; all sentences but the first begin with a space, as in the real files."""
    rng = np.random.default_rng((*clip.scene.seed, 3, turn))
    said, seconds = paragraph(rng, clip.scene.looks), options.frames / FPS
    times = [[round(i * seconds / len(said), 2), round(seconds, 2)] for i in range(len(said))]
    sentences = [" " * min(i, 1) + sentence[0].upper() + sentence[1:] + "." for i, sentence in enumerate(said)]
    return {"duration": round(seconds, 2), "timestamps": times, "sentences": sentences}


LAYOUT = Layout(CaptionedMini, partial(plan, name=name), annotate)
