"""The miniature in the layout of DiDeMo: descriptions of moments in JSON, lists of full names, files of any ending.

Some names end in a bare dot, and some differ from another one in their ending alone. No description says everything.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.captioned import CaptionedMini, of_split, plan
from internvideo_pl.data.mini.describe import paragraph
from internvideo_pl.data.mini.layout import Layout, MiniClip

ENDINGS = (".mp4", ".mov", ".avi", ".mp4", ".")
CHUNKS = 6  # of five seconds, in which annotators marked moments
LEFT_OUT = "99999999@N00_1_0000000000.mp4"  # in the JSON, in no list and not on disk


def name(rng: np.random.Generator, number: int) -> str:
    """An account, a number and a key of Flickr's; the fourth of five videos is called as the second but for its ending.

    A name that ends in a bare dot is on disk as an mp4 file.
    """
    group, place = divmod(number, len(ENDINGS))
    stem = np.random.default_rng((group, 1 if place == 3 else place)).integers(10**6, 10**8, 3)
    ending = ENDINGS[place]
    return f"videos/{stem[0]}@N0{group % 9}_{stem[1]}_{stem[2]:010x}{'.mp4' if ending == '.' else ending}"


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: CaptionedMini) -> None:
    """Writes {train,val,test}_data.json and {train,val,test}_list.txt."""
    names = {clip.path: _official(clip, number) for number, clip in enumerate(clips)}
    for split in ("train", "val", "test"):
        own = of_split(clips, split)
        entries = [entry for clip in own for entry in _entries(names[clip.path], clip)]
        entries.append(_entry(LEFT_OUT, "nothing that is listed", np.random.default_rng(0)))
        (folder / f"{split}_data.json").write_text(json.dumps(entries), encoding="utf-8")
        (folder / f"{split}_list.txt").write_text("\n".join(names[clip.path] for clip in own), encoding="utf-8")


def _official(clip: MiniClip, number: int) -> str:
    path = Path(clip.path)
    return path.stem + ENDINGS[number % len(ENDINGS)]


def _entries(official: str, clip: MiniClip) -> list[dict[str, Any]]:
    rng = np.random.default_rng((*clip.scene.seed, 3))
    return [_entry(official, said, rng) for said in paragraph(rng, clip.scene.looks)]


def _entry(official: str, said: str, rng: np.random.Generator) -> dict[str, Any]:
    first = int(rng.integers(CHUNKS))
    return {
        "num_segments": CHUNKS,
        "description": said,
        "dl_link": f"https://www.example.com/{official}",
        "times": [[first, min(first + int(step), CHUNKS - 1)] for step in rng.integers(0, 2, 4)],
        "video": official,
        "annotation_id": int(rng.integers(10**5)),
    }


LAYOUT = Layout(CaptionedMini, partial(plan, name=name), annotate)
