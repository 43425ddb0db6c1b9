"""TGIF-QA: questions about animated GIFs. FrameQA is the benchmark; repeated action, transition and count are extra.

Lists, as their authors publish them: {Train,Test}_{frameqa,action,transition,count}_question.csv, TAB-separated despite
the name, with a header, fields with quotes in them quoted as in CSV:
    gif_name question answer type vid_id key description      frameqa; type 0 object, 1 number, 2 color, 3 location
    gif_name question a1 a2 a3 a4 a5 answer vid_id key        action, transition; answer 0 to 4
    gif_name question answer vid_id key                       count
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from data_modules.msrvtt_qa import answer_of
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.choices import Choice, ChoiceData, read_choice
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.fields import Row, read_tabs
from internvideo_pl.data.listed_videos import VideoFiles, check_name, require_file
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.questions import Question, QuestionConfig, QuestionData

_URL = "https://github.com/YunseokJANG/tgif-qa (the lists) and https://github.com/raingo/TGIF-Release (the GIFs)"
_LAYOUT = "{{Train,Test}}_{0}_question.csv, here or in dataset/, and gifs/<gif_name>.gif"
_NO_VAL = "there is no validation list, and the release validates on the test list: nothing is chosen on it here"


def _facts(name: str, task: str, part: str, train: int, test: int, *defects: str) -> DatasetFacts:
    return DatasetFacts(
        name=name,
        task=task,
        # Rows of the lists at github.com/YunseokJANG/tgif-qa, 4 fewer than its table counts for training on action and
        # on count. The training lists of frames and of transitions are as that table has them.
        splits={"train": train, "test": test},
        url=_URL,
        licence="free for academic purposes only",
        terms="academic use; each GIF belongs to its uploader",
        layout=_LAYOUT.format(part),
        defects=(_NO_VAL, *defects),
    )


TGIF_FRAMEQA = _facts(
    "TGIF-FrameQA",
    "open-ended question answering",
    "frameqa",
    39392,
    13691,
    "235 of the 13,691 test questions have an answer that no training question has",
)
TGIF_ACTION = _facts("TGIF-Action", "multiple-choice question answering", "action", 20471, 2274)
TGIF_TRANSITION = _facts(
    "TGIF-Transition",
    "multiple-choice question answering",
    "transition",
    52704,
    6232,
    "two test options are quoted as CSV quotes them; whoever splits at tabs alone reads other words",
)
TGIF_COUNT = _facts(
    "TGIF-Count",
    "counting",
    "count",
    26839,
    3554,
    "a quarter of the counts are 0, while the official evaluator lifts every prediction to at least 1",
)

LIST_FOLDERS = (".", "dataset")
GIF_FOLDERS = ("gifs", "tgif", ".")
KINDS = ("object", "number", "color", "location")  # the dataset's README, in the order of its numbers
OPTIONS = ("a1", "a2", "a3", "a4", "a5")
HELD_OUT = 10  # one GIF in so many, where there must be a validation list


def is_held_out(gif: str) -> bool:
    """Whether a GIF belongs to the validation list that is cut from the training list; by its name alone."""
    return zlib.crc32(gif.encode()) % HELD_OUT == 0


def read_list(root: Path, facts: DatasetFacts, part: str, split: str, val: bool) -> Iterator[Row]:
    """The rows of a list.

    Args:
        root: The dataset's folder.
        facts: For the error message.
        part: "frameqa", "action", "transition" or "count".
        split: "train", "val" or "test".
        val: Whether the training list does without its held-out GIFs.

    Raises:
        UserError: The list is not there or damaged.
    """
    name = f"{'Test' if split == 'test' else 'Train'}_{part}_question.csv"
    path = require_file(root, name, facts, LIST_FOLDERS)
    seen: dict[str, str] = {}
    for row in read_tabs(path, quoted=True):
        row.once("vid_id", seen)
        held_out = is_held_out(check_name(row.text("gif_name"), row.place))
        if split == "test" or held_out == (split == "val") or (split == "train" and not val):
            yield row


def gif_locator(data: VideoData) -> Callable[[str], str | None]:
    """Name -> where a GIF is, in the dataset's folder or its shards; None where it is not."""
    return VideoFiles(data.root, GIF_FOLDERS, (".gif",)).find if data.shards is None else data.shards.get


@dataclass(kw_only=True)
class TgifQaConfig(QuestionConfig):
    """TGIF-FrameQA as clips; the vocabulary is all training answers, 1,540.

    With `test_on: val`, a tenth of the training GIFs is held out and neither trained on nor in the vocabulary.
    """

    vocabulary: int | None = None


class TgifQa(QuestionData):
    """TGIF-FrameQA for open-ended question answering."""

    facts = TGIF_FRAMEQA
    kinds = KINDS
    config: TgifQaConfig

    def questions(self, split: str) -> Iterator[Question]:
        """See `read_list`."""
        for row in read_list(self.root, self.facts, "frameqa", split, self.config.test_on == "val"):
            number = row.whole("type")
            if not 0 <= number < len(KINDS):
                raise row.fault(f"its type must be 0 to {len(KINDS) - 1}, not {number}")
            text = row.text("question")
            yield Question(row.text("vid_id"), row.text("gif_name"), text, answer_of(row), KINDS[number])

    def locate(self, video: str) -> str | None:
        """See `gif_locator`."""
        return self._find(video)

    @cached_property
    def _find(self) -> Callable[[str], str | None]:
        return gif_locator(self)


@dataclass(kw_only=True)
class TgifConfig(ClipConfig):
    """One of TGIF-QA's other tasks as clips.

    Attributes:
        test_on: "val" holds out a tenth of the training GIFs and tests on them.
    """

    test_on: Literal["test", "val"] = "test"


class TgifAction(ChoiceData):
    """TGIF-QA's repeated actions: what does someone do so many times? One of five."""

    facts = TGIF_ACTION
    part = "action"
    config: TgifConfig

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return self.config.test_on

    def choices(self, split: str) -> Iterator[Choice]:
        """See `read_list`."""
        for row in read_list(self.root, self.facts, self.part, split, self.config.test_on == "val"):
            key, video, question = (row.text(name) for name in ("vid_id", "gif_name", "question"))
            yield read_choice(row, key, video, OPTIONS, row.whole("answer"), question)

    def locate(self, video: str) -> str | None:
        """See `gif_locator`."""
        return self._find(video)

    @cached_property
    def _find(self) -> Callable[[str], str | None]:
        return gif_locator(self)


class TgifTransition(TgifAction):
    """TGIF-QA's transitions: what does someone do before or after something? One of five."""

    facts = TGIF_TRANSITION
    part = "transition"


class TgifCount(VideoData):
    """TGIF-QA's counts: how often does someone do something? A sample's label is the count."""

    facts = TGIF_COUNT
    config: TgifConfig

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return self.config.test_on

    def read(self, split: str) -> Split:
        """See `read_list`."""
        found = Split()
        listed, locate = self.test_list if split == "test" else split, gif_locator(self)
        for row in read_list(self.root, self.facts, "count", listed, self.config.test_on == "val"):
            key, path = row.text("vid_id"), locate(row.text("gif_name"))
            count, texts = row.whole("answer"), (row.text("question"),)
            if count < 0:
                raise row.fault(f"its answer must be a count, not {count}")
            if path is None:
                found.missing.append(key)
            else:
                found.samples.append(Sample(path, key, count, texts))
        return found
