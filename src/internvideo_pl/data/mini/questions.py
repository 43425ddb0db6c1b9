"""Questions about scenes, each with one word as its answer that only the video tells.

A colour is asked for by shape, a shape by colour, a motion by both, and how many things there are. From the sentence
alone the best guess is right about a quarter of the time: colours, shapes, motions and numbers are spread over
questions alike.
"""

from dataclasses import dataclass

import numpy as np

from internvideo_pl.data.mini.layout import MiniOptions, interleaved
from internvideo_pl.data.mini.webvid import draw_looks
from internvideo_pl.data.mini.world import Look, Scene, sample_scene
from internvideo_pl.errors import UserError

ORDER = ("colour", "thing", "colour", "motion", "thing", "number")  # what a video's questions ask, again and again
NUMBERS = ("zero", "one", "two")
WORDINGS = {
    "colour": ("what colour is the {shape}", "what is the colour of the {shape}"),
    "thing": ("what is the {colour} thing", "what thing is {colour}"),
    "motion": ("where does the {colour} {shape} go", "where does the {colour} {shape} move"),
    "number": ("how many things are there", "how many things move"),
}
SPLITS = ("train", "val", "test")
SYNONYM = {"disc": "circle"}  # what some who answer about test videos say: no training answer holds it
SYNONYM_SHARE = 0.15


@dataclass(frozen=True, kw_only=True)
class QuestionMini(MiniOptions):
    """Sizes of a miniature of questions.

    Attributes:
        train: Training videos.
        val: Validation videos.
        test: Test videos.
        questions: Of each video.
        duet: Share of videos with a second thing.
    """

    train: int = 500
    val: int = 10
    test: int = 100
    questions: int = 6
    duet: float = 0.5

    def __post_init__(self) -> None:
        """Refuses videos without questions.

        Raises:
            UserError: There are none, or what `MiniOptions` refuses.
        """
        super().__post_init__()
        if self.questions < 1:
            raise UserError(f"questions={self.questions} of a miniature must be at least 1 a video")


@dataclass(frozen=True)
class Asked:
    """A question.

    Attributes:
        kind: A key of `WORDINGS`.
        text: Without question mark.
        answer: One word.
    """

    kind: str
    text: str
    answer: str


def draw_scenes(seed: int, options: QuestionMini) -> list[tuple[str, Scene]]:
    """The split and the scene of every video, training first."""
    scenes = []
    for number, split in enumerate(SPLITS):
        for index in range(getattr(options, split)):
            rng = np.random.default_rng((seed, number, index, 0))
            looks = draw_looks(rng, split, interleaved(index, options.duet))
            scenes.append((split, sample_scene((seed, number, index, 1), split, looks)))
    return scenes


def ask(rng: np.random.Generator, looks: tuple[Look, ...], split: str, count: int) -> list[Asked]:
    """`count` questions about a scene; where things are asked of in a test, some answers are a synonym."""
    asked = []
    for kind in (ORDER * count)[:count]:
        look = looks[int(rng.integers(len(looks)))]
        text = str(rng.choice(WORDINGS[kind])).format(colour=look.colour, shape=look.shape)
        answers = {"colour": look.colour, "thing": look.shape, "motion": look.motion, "number": NUMBERS[len(looks)]}
        answer = answers[kind]
        if split == "test" and rng.random() < SYNONYM_SHARE:
            answer = SYNONYM.get(answer, answer)
        asked.append(Asked(kind, text, answer))
    return asked
