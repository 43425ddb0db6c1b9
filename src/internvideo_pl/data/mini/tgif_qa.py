"""The miniature in the layout of TGIF-QA: eight TAB-separated lists with CRLF line ends, a folder of GIFs.

FrameQA asks as the other miniatures do. For the three tasks in time the key thing of a GIF blinks: it turns another
colour one to four times, a moment each and at no regular beat ("what does the disc do 3 times ?", "how many times does
the disc turn blue ?"), or turns it once and for all in the middle ("what does the disc do after turn red ?").
"""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.data.mini.layout import MiniClip
from internvideo_pl.data.mini.questions import QuestionMini, ask, draw_scenes
from internvideo_pl.data.mini.render import render
from internvideo_pl.data.mini.world import COLOURS, Look, Scene
from internvideo_pl.errors import UserError

FOLDER = "gifs"
TYPES = ("thing", "number", "colour", "motion")  # official: 0 object, 1 number, 2 color, 3 location
LISTS: dict[str, tuple[str, ...]] = {
    "frameqa": ("gif_name", "question", "answer", "type", "vid_id", "key", "description"),
    "action": ("gif_name", "question", "a1", "a2", "a3", "a4", "a5", "answer", "vid_id", "key"),
    "transition": ("gif_name", "question", "a1", "a2", "a3", "a4", "a5", "answer", "vid_id", "key"),
    "count": ("gif_name", "question", "answer", "vid_id", "key"),
}


@dataclass(frozen=True, kw_only=True)
class TgifMini(QuestionMini):
    """Sizes of the miniature.

    Attributes:
        blinks: Training GIFs in which something blinks, and as many in which something changes; a fifth of it tests.
        times: The most times that something blinks.
    """

    val: int = 0  # there is no such list
    blinks: int = 200
    times: int = 4

    def __post_init__(self) -> None:
        """Refuses GIFs too short to count in.

        Raises:
            UserError: They are, or what `QuestionMini` refuses.
        """
        super().__post_init__()
        if not 2 <= 2 * self.times <= self.frames:
            raise UserError(f"times={self.times} of a miniature must be 1 to {self.frames // 2}, half of its frames")


@dataclass(frozen=True)
class Blink:
    """A scene whose key turns another colour in some frames.

    Attributes:
        scene: As it begins.
        other: The same with the other colour.
        shown: For each frame whether the other is shown.
        times: How often it turns; 0 where it turns once and for all.
    """

    scene: Scene
    other: Scene
    shown: tuple[bool, ...]
    times: int

    @property
    def key(self) -> Look:
        """The thing that blinks, as it begins."""
        return self.scene.looks[0]

    @property
    def colour(self) -> str:
        """What it turns."""
        return self.other.looks[0].colour


def plan(seed: int, options: TgifMini) -> list[MiniClip]:
    """All GIFs: still ones for FrameQA, then those in which something blinks or changes."""
    shown: list[tuple[str, Scene | Blink]] = list(draw_scenes(seed, options))
    tests = max(options.blinks // 5, 1)
    more = replace(options, train=2 * options.blinks, val=0, test=2 * tests)
    for number, (split, scene) in enumerate(draw_scenes(seed + 1, more)):
        rng = np.random.default_rng((seed, 5, number))
        shown.append((split, _blink(rng, scene, options, lasting=bool(number % 2))))
    clips = []
    for number, (split, seen) in enumerate(shown):
        rng = np.random.default_rng((seed, 6, number))
        name = "tumblr_n" + "".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz0123456789"), 16)) + "1_250"
        clips.append(MiniClip(f"{FOLDER}/{name}.gif", seen, split))
    return clips


def draw(clip: MiniClip, options: TgifMini) -> NDArray[np.uint8]:
    """The frames of a GIF."""
    if isinstance(clip.scene, Scene):
        return render(clip.scene, options.size, options.frames)
    first, other = (render(shown, options.size, options.frames) for shown in (clip.scene.scene, clip.scene.other))
    return np.where(np.array(clip.scene.shown)[:, None, None, None], other, first)


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: TgifMini) -> None:
    """Writes {Train,Test}_{frameqa,action,transition,count}_question.csv."""
    for split in ("train", "test"):
        numbered = [(number, clip) for number, clip in enumerate(clips) if clip.split == split]
        for name, rows in WRITERS.items():
            found = [row for number, clip in numbered for row in rows(clip, number, seed, options)]
            with (folder / f"{split.title()}_{name}_question.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, delimiter="\t", lineterminator="\r\n")
                writer.writerows([LISTS[name], *found])


def _frameqa(clip: MiniClip, number: int, seed: int, options: TgifMini) -> Iterable[list[str]]:
    if not isinstance(clip.scene, Scene):
        return
    rng = np.random.default_rng((seed, 7, number))
    for place, asked in enumerate(ask(rng, clip.scene.looks, clip.split, options.questions)):
        identity = f"FRAMEQA{number * options.questions + place}"
        kind = str(TYPES.index(asked.kind))
        yield [Path(clip.path).stem, f"{asked.text} ?", asked.answer, kind, identity, str(number), f"{asked.answer} ."]


def _action(clip: MiniClip, number: int, seed: int, options: TgifMini) -> Iterable[list[str]]:
    blink = clip.scene
    if isinstance(blink, Blink) and blink.times:
        question = f"What does the {blink.key.shape} do {blink.times} times ?"
        chosen, right = _options(np.random.default_rng((seed, 8, number)), blink.colour, but=blink.key.colour)
        yield [Path(clip.path).stem, question, *chosen, right, f"ACTION{number}", str(number)]


def _transition(clip: MiniClip, number: int, seed: int, options: TgifMini) -> Iterable[list[str]]:
    blink = clip.scene
    if isinstance(blink, Blink) and not blink.times:
        rng = np.random.default_rng((seed, 9, number))
        before = bool(rng.integers(2))
        known, sought = (blink.colour, blink.key.colour) if before else (blink.key.colour, blink.colour)
        question = f"What does the {blink.key.shape} do {'before' if before else 'after'} turn {known} ?"
        chosen, right = _options(rng, sought, but=known)
        yield [Path(clip.path).stem, question, *chosen, right, f"TRANS{number}", str(number)]


def _count(clip: MiniClip, number: int, seed: int, options: TgifMini) -> Iterable[list[str]]:
    blink = clip.scene
    if isinstance(blink, Blink) and blink.times:
        question = f"How many times does the {blink.key.shape} turn {blink.colour} ?"
        yield [Path(clip.path).stem, question, str(blink.times), f"COUNT{number}", str(number)]


WRITERS: dict[str, Callable[[MiniClip, int, int, TgifMini], Iterable[list[str]]]] = {
    "frameqa": _frameqa,
    "action": _action,
    "transition": _transition,
    "count": _count,
}


def _blink(rng: np.random.Generator, scene: Scene, options: TgifMini, lasting: bool) -> Blink:
    """Makes the key of a scene turn one of the colours that nothing in it has."""
    taken = {look.colour for look in scene.looks}
    colour = str(rng.choice([name for name in COLOURS if name not in taken]))
    key = scene.things[0]
    other = replace(
        scene, things=(replace(key, look=replace(key.look, colour=colour), rgb=COLOURS[colour]), *scene.things[1:])
    )
    if lasting:
        return Blink(scene, other, tuple(frame >= options.frames // 2 for frame in range(options.frames)), times=0)
    times = int(rng.integers(1, options.times + 1))
    return Blink(scene, other, _moments(rng, options.frames, options.frames // options.times - 1, times), times)


def _moments(rng: np.random.Generator, frames: int, length: int, times: int) -> tuple[bool, ...]:
    """For each frame whether it belongs to one of `times` moments of `length` frames; gaps before them are drawn."""
    free = frames - times * (length + 1)  # frames beside the moments and the shortest gaps
    gaps = np.diff(np.sort(rng.integers(0, free + 1, times)), prepend=0)
    shown = [part for gap in gaps for part in (False,) * (1 + int(gap)) + (True,) * length]
    return tuple(shown) + (False,) * (frames - len(shown))


def _options(rng: np.random.Generator, sought: str, but: str) -> tuple[list[str], str]:
    """Five things to do, the right one among them, and its number from 0."""
    others = [name for name in COLOURS if name not in (sought, but)]
    chosen = [sought, *(str(name) for name in rng.choice(others, 4, replace=False))]
    order = [int(place) for place in rng.permutation(5)]
    return [f"turn {chosen[place]}" for place in order], str(order.index(0))
