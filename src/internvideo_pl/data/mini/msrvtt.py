"""The miniature in the layout of MSR-VTT's 1k-A protocol: one JSON of captions, two CSV lists, one folder of videos.

A test video has one canonical caption, and no two test captions are equal. Half of the test videos come in twins whose
captions differ in one word: the key's motion, or one attribute of its appearance.
"""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.describe import caption, paraphrases
from internvideo_pl.data.mini.encode import FPS
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions, interleaved
from internvideo_pl.data.mini.world import (
    MOTIONS,
    SHAPES,
    SPLIT_GROUPS,
    TEXTURES,
    WARM,
    Look,
    sample_look,
    sample_other,
    sample_scene,
)
from internvideo_pl.errors import UserError

FOLDER = "videos/all"
EVALUATION = "held_out"  # 1k-A has no validation list, so both held-out parts of the world are the test's
SHARE_7K = 7010 / 9000  # of the training videos in the older list
TRIES = 30  # draws for each test video before giving up on yet another distinct caption


@dataclass(frozen=True, kw_only=True)
class MsrvttMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        train: Training videos.
        test: Test videos.
        captions: Sentences of each video.
        duet: Share of videos with a second thing.
    """

    train: int = 1200
    test: int = 200
    captions: int = 5
    duet: float = 0.7


def plan(seed: int, options: MsrvttMini) -> list[MiniClip]:
    """All videos; as in the real set, the test videos' numbers are scattered among the others."""
    rng = np.random.default_rng((seed, 0))
    numbers = rng.permutation(options.train + options.test)
    looks = [("train", free_looks(rng, "train", i, options.duet)) for i in range(options.train)]
    looks += [("test", look) for look in distinct_looks(rng, options.test, options.duet)]
    clips = []
    for number, (split, look) in zip(numbers, looks, strict=True):
        world = EVALUATION if split == "test" else "train"
        clips.append(MiniClip(f"{FOLDER}/video{number}.mp4", sample_scene((seed, 1, int(number)), world, look), split))
    return clips


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: MsrvttMini, train_list: str = "9k") -> None:
    """Writes MSRVTT_data.json, MSRVTT_train.9k.csv and MSRVTT_JSFUSION_test.csv.

    The older training list, MSRVTT_train.7k.csv, has seven of nine of the videos; it is written in the other's place.
    """
    clips = sorted(clips, key=_number)
    videos: list[dict[str, Any]] = []
    sentences: list[dict[str, Any]] = []
    for clip in clips:
        rng = np.random.default_rng((seed, 2, _number(clip)))
        videos.append(_video(clip, rng, options))
        for said in paraphrases(rng, clip.scene.looks, options.captions):
            sentences.append({"caption": said, "video_id": videos[-1]["video_id"], "sen_id": len(sentences)})
    data = {"info": {}, "videos": videos, "sentences": sentences}
    (folder / "MSRVTT_data.json").write_text(json.dumps(data), encoding="utf-8")
    train = [{"video_id": f"video{_number(clip)}"} for clip in clips if clip.split == "train"]
    if train_list == "7k":
        train = [row for index, row in enumerate(train) if interleaved(index, SHARE_7K)]
    test = [clip for clip in clips if clip.split == "test"]
    order = np.random.default_rng((seed, 3)).permutation(len(test))
    _write_csv(folder / f"MSRVTT_train.{train_list}.csv", train)
    _write_csv(folder / "MSRVTT_JSFUSION_test.csv", [_query(index, test[i]) for index, i in enumerate(order)])


def free_looks(rng: np.random.Generator, split: str, index: int, duet: float) -> tuple[Look, ...]:
    """What the `index`-th video of a split shows: one thing, or two for a share `duet` of the videos."""
    key = sample_look(rng, split, colour=WARM)
    return (key, sample_other(rng, split, key)) if interleaved(index, duet) else (key,)


def distinct_looks(rng: np.random.Generator, count: int, duet: float) -> list[tuple[Look, ...]]:
    """Distinct looks of test videos in pairs; every second pair are twins, in turn in motion and in appearance.

    Raises:
        UserError: There are not so many.
    """
    found: dict[tuple[Look, ...], None] = {}
    for _ in range(TRIES * count):
        if len(found) >= count:
            break
        pair = len(found) // 2
        first = free_looks(rng, EVALUATION, pair, duet)
        second = _twin(rng, first, appearance=pair % 4 == 3) if pair % 2 else free_looks(rng, EVALUATION, pair, duet)
        if second is not None and first != second and first not in found and second not in found:
            found |= {first: None, second: None}
    else:
        raise UserError(f"the world has fewer than test={count} distinct captions; lower test or raise duet")
    return list(found)[:count]


def _twin(rng: np.random.Generator, looks: tuple[Look, ...], appearance: bool) -> tuple[Look, ...] | None:
    """The same looks with one attribute of the key changed, but not to the other thing's; None if there is none."""
    key, others = looks[0], looks[1:]
    choices: dict[str, Iterable[str]] = {"motion": MOTIONS}
    if appearance:
        choices = {"shape": SHAPES, "texture": TEXTURES, "colour": WARM}
    twins = [
        (twin, *others)
        for attribute, words in choices.items()
        for word in words
        if (twin := replace(key, **{attribute: word})) != key
        and twin.group in SPLIT_GROUPS[EVALUATION]
        and all(getattr(other, attribute) != word for other in others)
    ]
    return twins[int(rng.integers(len(twins)))] if twins else None


def _number(clip: MiniClip) -> int:
    return int(Path(clip.path).stem.removeprefix("video"))


def _video(clip: MiniClip, rng: np.random.Generator, options: MsrvttMini) -> dict[str, Any]:
    """An entry of the JSON's "videos"; its split is the one of the 2016 challenge, which 1k-A does not follow."""
    number, start = _number(clip), round(float(rng.uniform(0, 300)), 2)
    return {
        "category": int(rng.integers(20)),
        "url": f"https://www.youtube.com/watch?v=video{number}",
        "video_id": f"video{number}",
        "start time": start,
        "end time": round(start + options.frames / FPS, 2),
        "split": clip.split,
        "id": number,
    }


def _query(index: int, clip: MiniClip) -> dict[str, str]:
    number = _number(clip)
    sentence = caption(clip.scene.looks)
    return {"key": f"ret{index}", "vid_key": f"msr{number}", "video_id": f"video{number}", "sentence": sentence}


def _write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
