"""The miniatures in the layouts of Something-Something: V1 with folders of JPEG pictures, V2 with VP9 files and JSON.

A class is a motion, told by one of the real templates; what moves is a nuisance. Opposite motions differ in nothing but
the order of the frames.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.layout import Layout, MiniClip, MiniOptions
from internvideo_pl.data.mini.world import WARM, Look, sample_look, sample_scene

TEMPLATES = {
    "up": "Moving [something] up",
    "left": "Pushing [something] from right to left",
    "down": "Moving [something] down",
    "right": "Pushing [something] from left to right",
}
SAID = {"up": "moving {} up", "left": "pushing {} from right to left"} | {
    "down": "moving {} down",
    "right": "pushing {} from left to right",
}
LISTS = {"train": "train", "val": "validation", "test": "test"}


@dataclass(frozen=True, kw_only=True)
class SomethingMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        train: Training clips of each class.
        val: Validation clips of each class.
        test: Test clips of each class.
    """

    train: int = 100
    val: int = 24
    test: int = 2


def plan(seed: int, options: SomethingMini, version: int) -> list[MiniClip]:
    """All clips, classes in turn; ids are numbers without order."""
    motions = list(TEMPLATES)
    counts = {split: getattr(options, split) * len(motions) for split in LISTS}
    ids = iter(np.random.default_rng((seed, 4, version)).choice(220_000, sum(counts.values()), replace=False) + 1)
    clips = []
    for number, split in enumerate(LISTS):
        for index in range(counts[split]):
            key = (seed, 4, version, number, index)
            motion = motions[index % len(motions)]
            look = sample_look(np.random.default_rng((*key, 0)), split, colour=WARM, motion=[motion])
            suffix = "" if version == 1 else ".webm"
            path = f"20bn-something-something-v{version}/{next(ids)}{suffix}"
            clips.append(MiniClip(path, sample_scene(key, split, (look,)), split))
    return clips


def annotate_v1(folder: Path, clips: list[MiniClip], seed: int, options: SomethingMini) -> None:
    """Writes labels.csv, whose order is not the alphabet's, and the three lists of `id;template`."""
    names = {motion: _bare(template) for motion, template in TEMPLATES.items()}
    _write(folder / "something-something-v1-labels.csv", "".join(f"{name}\n" for name in names.values()))
    for split, word in LISTS.items():
        rows = [(Path(clip.path).name, names[clip.scene.looks[0].motion]) for clip in clips if clip.split == split]
        lines = [key if split == "test" else f"{key};{name}" for key, name in _shuffled(rows, seed)]
        _write(folder / f"something-something-v1-{word}.csv", "".join(f"{line}\n" for line in lines))


def annotate_v2(folder: Path, clips: list[MiniClip], seed: int, options: SomethingMini) -> None:
    """Writes labels.json, the three lists and the test list's answers."""
    index = {name: str(i) for i, name in enumerate(sorted(map(_bare, TEMPLATES.values())))}
    _write(folder / "something-something-v2-labels.json", json.dumps(index, indent=0))
    for split, word in LISTS.items():
        records = _shuffled([_record(clip) for clip in clips if clip.split == split], seed)
        if split == "test":
            answers = "".join(f"{record['id']};{_bare(record['template'])}\n" for record in records)
            _write(folder / "test-answers.csv", answers)
            records = [{"id": record["id"]} for record in records]
        _write(folder / f"something-something-v2-{word}.json", json.dumps(records, indent=0))


def _record(clip: MiniClip) -> dict[str, Any]:
    look: Look = clip.scene.looks[0]
    thing = f"{look.colour} {look.shape}"
    said, template = SAID[look.motion].format(thing), TEMPLATES[look.motion]
    return {"id": Path(clip.path).stem, "label": said, "template": template, "placeholders": [thing]}


def _bare(template: str) -> str:
    return template.replace("[", "").replace("]", "")


def _shuffled(rows: list[Any], seed: int) -> list[Any]:
    return [rows[i] for i in np.random.default_rng((seed, 5)).permutation(len(rows))]


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def layout(version: int) -> Layout:
    """The layout of version 1 or 2."""
    annotate: Callable[..., None] = annotate_v1 if version == 1 else annotate_v2
    return Layout(SomethingMini, partial(plan, version=version), annotate)
