"""Multiple choice about videos: which of a few sentences, or answers to a question, is right."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import EvaluationClips
from internvideo_pl.data.fields import Row
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.repeated import RepeatedClips


@dataclass(frozen=True)
class Choice:
    """One entry of an official list.

    Attributes:
        key: Its id, unique in the list.
        video: Of which video it is.
        options: What is to be chosen from.
        right: Place of the right one, from 0.
        question: What is asked, which may be empty; None where the options are descriptions of the video.
    """

    key: str
    video: str
    options: tuple[str, ...]
    right: int
    question: str | None = None


def read_choice(
    row: Row, key: str, video: str, names: tuple[str, ...], right: int, question: str | None = None
) -> Choice:
    """A choice whose options are fields of a row.

    Raises:
        UserError: An option is no text, or the right one is none of them.
    """
    if not 0 <= right < len(names):
        raise row.fault(f"its answer must be one of {len(names)} options, not number {right} counted from 0")
    return Choice(key, video, tuple(row.text(name) for name in names), right, question)


class ChoiceData(VideoData):
    """Base of multiple-choice datasets: one sample a choice.

    A sample's label is the place of the right option and its annotation `{"options"}`; its texts are the right option
    (what alignment trains on), or the question where there is one.
    """

    num_options: ClassVar[int] = 5

    @abstractmethod
    def choices(self, split: str) -> Iterator[Choice]:
        """The official list of a split, in its order.

        Raises:
            UserError: The list is not there, or a row of it is damaged.
        """

    @abstractmethod
    def locate(self, video: str) -> str | None:
        """Where a video is; None where it is not on disk."""

    @property
    def protocol(self) -> dict[str, str | int]:
        """Also the number of options."""
        return {**super().protocol, "options": self.num_options}

    def evaluation_clips(self, samples: Sequence[Sample]) -> EvaluationClips:
        """Neighbours about one video read it once."""
        return RepeatedClips(samples, self.config, self.cache)

    def read(self, split: str) -> Split:
        """One sample a choice."""
        found = Split()
        for choice in self.choices(self.test_list if split == "test" else split):
            path = self.locate(choice.video)
            if path is None:
                found.missing.append(choice.key)
                continue
            asked = choice.question  # an empty question gives nothing away: the right option does not stand for it
            texts = (choice.options[choice.right] if asked is None else asked,)
            said = {"options": list(choice.options)}
            found.samples.append(Sample(path, choice.key, choice.right, texts, said))
        return found
