"""The miniatures in the layouts of AVA v2.2 and AVA-Kinetics: films in which things move, with a box around each.

A thing has the action of its motion and that of its texture: what a box shows needs both time and appearance. Films are
the fifteen minutes' cuts from second 900 on, a few seconds long. A made-up detector finds nearly all things, a little
beside their boxes, and some where there is nothing; one texture has an action that is not scored.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from internvideo_pl.data.mini.encode import FPS
from internvideo_pl.data.mini.kinetics import ALPHABET
from internvideo_pl.data.mini.layout import MiniClip, MiniOptions, interleaved
from internvideo_pl.data.mini.visible import Part, visible_parts
from internvideo_pl.data.mini.world import WARM, Scene, sample_look, sample_other, sample_scene

ACTIONS = {"left": 4, "right": 11, "up": 12, "down": 14, "striped": 17, "checked": 59, "dotted": 80, "plain": 2}
UNSCORED = (2, 80 - 1)  # of the list of 80 alone; nothing shows the second
START, FIRST = 900, 902  # seconds at which films and key frames begin
FILMS, CLIPS = "videos_15min", "kinetics700"
WORLDS = {"train": "train", "val": "held_out"}

MISSED, FALSE = 0.04, 0.10  # shares of things that the detector misses, and of key frames where it sees one too many
SURE, UNSURE = (0.82, 1.0), (0.3, 0.79)  # its scores; the latter are below the recipe's threshold
OFF = 0.06  # how far a detected side lies beside the true one at most, in shares of the box


@dataclass(frozen=True, kw_only=True)
class AvaMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        train: Training films.
        val: Validation films.
        duet: Share of films with a second thing.
    """

    frames: int = 48
    train: int = 120
    val: int = 24
    duet: float = 0.6

    @property
    def seconds(self) -> range:
        """Of a film's key frames: a second at least lies on either side."""
        return range(FIRST, START + self.frames // FPS - 1)


@dataclass(frozen=True, kw_only=True)
class AvaKineticsMini(AvaMini):
    """Sizes of both parts.

    Attributes:
        clips: Training clips of the Kinetics part.
        val_clips: Its validation clips.
    """

    train: int = 80
    val: int = 16
    clips: int = 120
    val_clips: int = 30


def plan(seed: int, options: AvaMini) -> list[MiniClip]:
    """The films of both lists."""
    clips = []
    for number, split in enumerate(WORLDS):
        for index in range(getattr(options, split)):
            key = (seed, number, index)
            name = _identity(np.random.default_rng((*key, 2)))
            clips.append(MiniClip(f"{FILMS}/{name}.mp4", _scene(key, WORLDS[split], index, options), split))
    return clips


def plan_both(seed: int, options: AvaKineticsMini) -> list[MiniClip]:
    """The films, then the clips of Kinetics; every tenth clip shows nothing."""
    clips = plan(seed, options)
    for number, (split, count) in enumerate((("train", options.clips), ("val", options.val_clips)), start=2):
        for index in range(count):
            key = (seed, number, index)
            rng = np.random.default_rng((*key, 2))
            start = int(rng.integers(300))
            path = f"{CLIPS}/{split}/{_identity(rng)}_{start:06d}_{start + 10:06d}.mp4"
            empty = index % 10 == 9
            scene = sample_scene(key, WORLDS[split], ()) if empty else _scene(key, WORLDS[split], index, options)
            clips.append(MiniClip(path, scene, f"kinetics_{split}"))
    return clips


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: AvaMini) -> None:
    """Writes the lists of boxes, of actions and of excluded key frames, and the detector's file."""
    lists = folder / "annotations"
    lists.mkdir()
    for split in WORLDS:
        rows, excluded, found = [], [], []
        for number, clip in enumerate(clip for clip in clips if clip.split == split):
            rng = np.random.default_rng((seed, 7, len(split), number))
            for second in options.seconds:
                name = f"{Path(clip.path).stem},{second:04d}"
                parts = visible_parts(clip.scene, options.size, options.frames, (second - START) * FPS)
                rows += [f"{name},{_digits(part.box, 3)},{action},{part.thing}" for part, action in _acts(clip, parts)]
                found += [f"{name},{line}" for line in _detected(rng, parts, 3)]
            if number % 12 == 11:
                excluded.append(f"{Path(clip.path).stem},{options.seconds[0]:04d}")
        _write(lists / f"ava_{split}_v2.2.csv", rows)
        _write(lists / f"ava_{split}_excluded_timestamps_v2.2.csv", excluded)
        if split == "val":
            _write(lists / "ava_val_predicted_boxes.csv", found)
    names = {number: name for name, number in ACTIONS.items()}
    known = {number: f"{names[number]} one" if number in names else f"action {number}" for number in range(1, 81)}
    scored = {number: name for number, name in known.items() if number not in UNSCORED}
    _write(lists / "ava_action_list_v2.2.pbtxt", _pbtxt(known))
    _write(lists / "ava_action_list_v2.2_for_activitynet_2019.pbtxt", _pbtxt(scored))


def annotate_both(folder: Path, clips: list[MiniClip], seed: int, options: AvaKineticsMini) -> None:
    """The same, and the lists of Kinetics' part, whose times have fractions."""
    annotate(folder, clips, seed, options)
    lists = folder / "annotations"
    for split in WORLDS:
        rows, found = [], []
        for number, clip in enumerate(clip for clip in clips if clip.split == f"kinetics_{split}"):
            rng = np.random.default_rng((seed, 8, len(split), number))
            identity, start, _ = Path(clip.path).stem.rsplit("_", 2)
            frame = int(rng.integers(FPS, options.frames - FPS))
            name = f"{identity},{int(start) + frame / FPS + 0.016949:.6f}"  # while that frame is shown
            parts = visible_parts(clip.scene, options.size, options.frames, frame)
            acts = [f"{name},{_digits(part.box, 6)},{action}" for part, action in _acts(clip, parts)]
            rows += acts or [name]
            found += [f"{name},{line}" for line in _detected(rng, parts, 6)]
        _write(lists / f"kinetics_{split}_v1.0.csv", rows)
        if split == "val":
            _write(lists / "kinetics_val_predicted_boxes.csv", found)


def _scene(key: tuple[int, ...], world: str, index: int, options: AvaMini) -> Scene:
    rng = np.random.default_rng((*key, 0))
    look = sample_look(rng, world, colour=WARM)
    duet = interleaved(index, options.duet)
    return sample_scene(key, world, (look, sample_other(rng, world, look)) if duet else (look,))


def _identity(rng: np.random.Generator) -> str:
    return "".join(rng.choice(list(ALPHABET), 11))


def _acts(clip: MiniClip, parts: list[Part]) -> Iterator[tuple[Part, int]]:
    """Every action of every part."""
    for part in parts:
        look = clip.scene.things[part.thing].look
        yield from ((part, number) for number in sorted((ACTIONS[look.motion], ACTIONS[look.texture])))


def _detected(rng: np.random.Generator, parts: list[Part], digits: int) -> Iterator[str]:
    """The detector's rows of a key frame, after its name: x1,y1,x2,y2,,score."""
    for part in parts:
        box = np.array(part.box)
        size = np.tile(box[2:] - box[:2], 2)
        near = (box + size * rng.uniform(-OFF, OFF, 4)).clip(0, 1)
        score = rng.uniform(*(UNSURE if rng.random() < MISSED else SURE))
        yield f"{_digits(near, digits)},,{score:.6f}"
    if rng.random() < FALSE:
        low, size = rng.uniform(0, 0.6, 2), rng.uniform(0.15, 0.4, 2)
        yield f"{_digits((*low, *(low + size)), digits)},,{rng.uniform(*SURE):.6f}"


def _digits(box: "tuple[float, ...] | np.ndarray", digits: int) -> str:
    return ",".join(f"{side:.{digits}f}" for side in box)


def _pbtxt(names: dict[int, str]) -> list[str]:
    return [f'item {{\n  name: "{name}"\n  id: {number}\n}}' for number, name in names.items()]


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
