"""Miniatures in the layout of ActivityNet 1.3 and of the sets that share its shape: HACS and FineAction."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.kinetics import ALPHABET
from internvideo_pl.data.mini.layout import Layout, MiniClip
from internvideo_pl.data.mini.untrimmed import UntrimmedMini, films, instances, seconds
from internvideo_pl.data.mini.world import Film

SUBSETS = {"train": "training", "val": "validation"}
YOUTUBE = "https://www.youtube.com/watch?v="
CLIP = 2.0  # seconds of a clip of HACS Clips


@dataclass(frozen=True, kw_only=True)
class OneClassMini(UntrimmedMini):
    """Videos of one class each, as nearly all of ActivityNet's and HACS's are."""

    mixed: bool = False


@dataclass(frozen=True, kw_only=True)
class FineActionMini(UntrimmedMini):
    """Videos whose actions overlap in time: more of them, since what goes on at once is harder to tell apart."""

    train: int = 144
    overlap: float = 0.25


def activitynet() -> Layout:
    """ActivityNet: activity_net.v1-3.min.json and videos/v_<id>.mp4; withheld labels for two test videos."""

    def plan(seed: int, options: Any) -> list[MiniClip]:
        names = youtube_ids(seed, options)
        return films(seed, options, {split: [f"videos/v_{key}.mp4" for key in keys] for split, keys in names.items()})

    def annotate(folder: Path, clips: list[MiniClip], seed: int, options: Any) -> None:
        database: dict[str, dict[str, Any]] = {}
        for clip in clips:
            key = Path(clip.path).stem[2:]
            size = f"{options.size}x{options.size}"
            database[key] = {
                "duration": seconds(_film(clip)),
                "subset": SUBSETS[clip.split],
                "resolution": size,
                "url": YOUTUBE + key,
                "annotations": _annotations(clip),
            }
        for key in youtube_ids(seed + 1, options)["val"][:2]:
            withheld = {"duration": 15.0, "subset": "testing", "resolution": "64x64", "annotations": []}
            database[key] = withheld | {"url": YOUTUBE + key}
        names = sorted({each["label"] for entry in database.values() for each in entry["annotations"]})
        taxonomy = [
            {"parentName": "Root", "nodeName": name, "nodeId": number, "parentId": 0}
            for number, name in enumerate(names, 1)
        ]
        _write(folder / "activity_net.v1-3.min.json", version="VERSION 1.3", taxonomy=taxonomy, database=database)

    return Layout(OneClassMini, plan, annotate)


def hacs() -> Layout:
    """HACS: both lists of v1.1.1 and <Class_with_underscores>/v_<id>.mp4; durations are strings."""

    def plan(seed: int, options: Any) -> list[MiniClip]:
        names = youtube_ids(seed, options)
        clips = films(seed, options, {split: [f"v_{key}.mp4" for key in keys] for split, keys in names.items()})
        return [MiniClip(f"{_class(clip).replace(' ', '_')}/{clip.path}", clip.scene, clip.split) for clip in clips]

    def annotate(folder: Path, clips: list[MiniClip], seed: int, options: Any) -> None:
        database, rows = {}, []
        for clip in clips:
            key, subset = Path(clip.path).stem[2:], SUBSETS[clip.split]
            told = {"annotations": _annotations(clip), "subset": subset, "duration": f"{seconds(_film(clip)):f}"}
            database[key] = told | {"url": YOUTUBE + key}
            rows += [
                {"classname": _class(clip), "youtube_id": key, "subset": subset, **each} for each in _two_seconds(clip)
            ]
        _write(folder / "HACS_segments_v1.1.1.json", database=database)
        with (folder / "HACS_clips_v1.1.1.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    return Layout(OneClassMini, plan, annotate)


def fineaction() -> Layout:
    """FineAction: annotations_gt.json and v_<number>.mp4; actions overlap."""

    def plan(seed: int, options: Any) -> list[MiniClip]:
        train = [f"videos/v_{number:08d}.mp4" for number in range(1, options.train + 1)]
        val = [f"videos/v_{number:08d}.mp4" for number in range(options.train + 1, options.train + options.val + 1)]
        return films(seed, options, {"train": train, "val": val})

    def annotate(folder: Path, clips: list[MiniClip], seed: int, options: Any) -> None:
        database = {}
        for clip in clips:
            film = _film(clip)
            database[Path(clip.path).stem] = {
                "subset": SUBSETS[clip.split],
                "duration": seconds(film),
                "fps": film.frames / seconds(film),
                "frame_num": film.frames,
                "annotations": _annotations(clip),
            }
        _write(folder / "annotations_gt.json", version="1.0", database=database)

    return Layout(FineActionMini, plan, annotate)


def youtube_ids(seed: int, options: UntrimmedMini) -> dict[str, list[str]]:
    """Eleven characters for each video of a split; some begin with "-" or "_"."""
    rng = np.random.default_rng((seed, 100))
    drawn = ["".join(rng.choice(list(ALPHABET), 11)) for _ in range(options.train + options.val)]
    return {"train": drawn[: options.train], "val": drawn[options.train :]}


def _film(clip: MiniClip) -> Film:
    assert isinstance(clip.scene, Film)
    return clip.scene


def _class(clip: MiniClip) -> str:
    return instances(_film(clip))[0][0]


def _annotations(clip: MiniClip) -> list[dict[str, Any]]:
    return [{"label": name, "segment": [start, end]} for name, start, end in instances(_film(clip))]


def _two_seconds(clip: MiniClip) -> list[dict[str, Any]]:
    """Two seconds of every action that lasts so long, and of the pause before it as a negative."""
    rows, before = [], 0.0
    for _, start, end in instances(_film(clip)):
        if start - before >= CLIP:
            rows.append({"start": before, "end": before + CLIP, "label": -1})
        if end - start >= CLIP:
            rows.append({"start": start, "end": start + CLIP, "label": 1})
        before = end
    return rows


def _write(path: Path, **content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")
