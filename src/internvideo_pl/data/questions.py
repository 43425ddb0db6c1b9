"""Open-ended questions about videos: official lists to samples, and the answers that a classifier chooses among."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig, EvaluationClips
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.official import read_json, read_text
from internvideo_pl.data.repeated import RepeatedClips
from internvideo_pl.errors import UserError

OTHER = "(any other answer)"  # the last output of the release's classifiers, which no question is labelled with
OUTSIDE = -1  # label of a question whose answer is not in the vocabulary


@dataclass(frozen=True)
class Question:
    """One entry of an official list.

    Attributes:
        key: Its official id.
        video: Of which video it asks.
        text: The question.
        answer: The one word that is right.
        kind: Type of question, one of the dataset's `kinds`.
    """

    key: str
    video: str
    text: str
    answer: str
    kind: str


@dataclass(kw_only=True)
class QuestionConfig(ClipConfig):
    """A dataset of open-ended questions as clips.

    Attributes:
        vocabulary: How many of the most frequent training answers can be given; null for all.
        answers: File with the answers of a released classifier in the order of its outputs, JSON (a list, or answer to
            number) or one a line; stands in place of `vocabulary`.
        test_on: The list that is tested on. Choose settings on "val" and report "test".
    """

    vocabulary: int | None
    answers: Path | None = None
    test_on: Literal["test", "val"] = "test"

    def __post_init__(self) -> None:
        """Refuses an empty vocabulary.

        Raises:
            UserError: `vocabulary` is below 1, or what `ClipConfig` refuses.
        """
        super().__post_init__()
        if self.vocabulary is not None and self.vocabulary < 1:
            raise UserError(f"data.vocabulary={self.vocabulary} must be at least 1, or null for all training answers")


def most_frequent(answers: Iterable[str], size: int | None) -> list[str]:
    """The vocabulary: the `size` most frequent answers, those of equal count in the order of their first use."""
    return [answer for answer, _ in Counter(answers).most_common(size)]


def read_answers(path: Path) -> list[str]:
    """The vocabulary of a file: a JSON list, a JSON object of answers to numbers from 0, or one answer a line.

    Raises:
        UserError: There is no such file, the numbers have holes, or an answer comes twice.
    """
    if not path.is_file():
        raise UserError(f"data.answers={path} is no file: name that of the released classifier's answers")
    if path.suffix != ".json":
        answers = [line.strip() for line in read_text(path).split("\n") if line.strip()]
    else:
        found = read_json(path)
        if isinstance(found, dict):
            if sorted(found.values(), key=str) != sorted(range(len(found)), key=str):
                raise UserError(f"{path}: the numbers of {len(found)} answers must be 0 to {len(found) - 1}, each once")
            found = sorted(found, key=found.__getitem__)
        if not isinstance(found, list) or not all(isinstance(answer, str) for answer in found):
            raise UserError(f"{path} must be a JSON list of answers, or an object of answers to numbers")
        answers = found
    twice = [answer for answer, count in Counter(answers).items() if count > 1]
    if twice or not answers:
        raise UserError(f"{path}: {f'the answer {twice[0]!r} comes twice' if twice else 'it holds no answer'}")
    return answers


class QuestionData(VideoData):
    """Base of datasets of open-ended questions: one sample a question.

    A sample's label is its answer's place in the vocabulary, -1 for an answer outside it; its only text is the
    question, its annotation `{"answer", "kind", "video"}`.
    """

    kinds: ClassVar[tuple[str, ...]]  # types of questions
    config: QuestionConfig

    @abstractmethod
    def questions(self, split: str) -> Iterator[Question]:
        """The official list of "train", "val" or "test", in its order.

        Raises:
            UserError: The list is not there, or a row of it is damaged.
        """

    @abstractmethod
    def locate(self, video: str) -> str | None:
        """Where a video is; None where it is not on disk."""

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return self.config.test_on

    @cached_property
    def answers(self) -> list[str]:
        """The vocabulary: the most frequent answers of the training questions, whether their videos are here or not.

        With `answers` in the config it is that file's.
        """
        if self.config.answers is not None:
            return read_answers(self.config.answers)
        return most_frequent((question.answer for question in self.questions("train")), self.config.vocabulary)

    @property
    def classes(self) -> list[str]:
        """What the classifier chooses among: the vocabulary, and as in the release one output for all other answers."""
        return [*self.answers, OTHER]

    @property
    def protocol(self) -> dict[str, str | int]:
        """Also the size of the vocabulary."""
        return {**super().protocol, "vocabulary": len(self.answers)}

    @cached_property
    def usual(self) -> dict[str, int]:
        """Label of the training answer that is most frequent for each kind of question, and under "" for all."""
        counts: dict[str, Counter[str]] = {"": Counter()}
        for question in self.questions("train"):
            for kind in ("", question.kind):
                counts.setdefault(kind, Counter())[question.answer] += 1
        labels = self._labels
        return {kind: labels.get(count.most_common(1)[0][0], OUTSIDE) for kind, count in counts.items() if count}

    @cached_property
    def _labels(self) -> dict[str, int]:
        return {answer: label for label, answer in enumerate(self.answers)}

    def evaluation_clips(self, samples: Sequence[Sample]) -> EvaluationClips:
        """Neighbours about one video read it once."""
        return RepeatedClips(samples, self.config, self.cache)

    def read(self, split: str) -> Split:
        """One sample a question; where a video is not on disk, all questions about it are missing."""
        found = Split()
        places: dict[str, str | None] = {}
        for question in self.questions(self.test_list if split == "test" else split):
            if question.video not in places:
                places[question.video] = self.locate(question.video)
            path = places[question.video]
            if path is None:
                found.missing.append(question.key)
                continue
            said = {"answer": question.answer, "kind": question.kind, "video": question.video}
            label = self._labels.get(question.answer, OUTSIDE)
            found.samples.append(Sample(path, question.key, label, (question.text,), said))
        return found
