"""MSRVTT-QA: questions generated from the captions of MSR-VTT, one word as the answer.

Three JSON lists, as their authors publish them: train_qa.json, val_qa.json, test_qa.json, each a list of
    {"answer": "couch", "question": "what are three people sitting on?", "id": 158581, "video_id": 6513, ...}
The videos are MSR-VTT's, video<video_id>.mp4, in the split of its 2016 challenge, which is not that of 1k-A retrieval.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from data_modules.msrvtt import VIDEO_FOLDERS
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.fields import Row, read_records
from internvideo_pl.data.listed_videos import VideoFiles, require_file
from internvideo_pl.data.questions import Question, QuestionConfig, QuestionData

MSRVTT_QA = DatasetFacts(
    name="MSRVTT-QA",
    task="open-ended question answering",
    splits={"train": 158581, "val": 12278, "test": 72821},  # Xu et al., ACM Multimedia 2017; 6,513 / 497 / 2,990 videos
    url="https://github.com/xudejing/video-question-answering (the lists) and the 2016 MSR-VTT challenge's videos",
    licence="MIT (the lists)",
    terms="research use; each video belongs to its uploader",
    layout="{train,val,test}_qa.json and videos/all/video<video_id>.mp4, or the videos in the folder msrvtt beside it",
    defects=(
        "5,051 of the 72,821 test questions have an answer outside the release's 1,500 training answers",
        "questions were generated from captions by a program: some are no English, some answers are misspelt",
        "its test videos are those of the 2016 challenge: 1k-A's 9,000 training videos hold most of them, so nothing "
        "trained for 1k-A retrieval may be tested here",
    ),
)

LISTS = {"train": "train_qa.json", "val": "val_qa.json", "test": "test_qa.json"}
# First words of the questions, as the authors count them.
KINDS = ("what", "who", "how", "when", "where", "other")
NEIGHBOUR = "../msrvtt"  # MSR-VTT itself, in whose folder the videos may be
FOLDERS = (*VIDEO_FOLDERS, *(f"{NEIGHBOUR}/{folder}" for folder in VIDEO_FOLDERS))


def kind_of(question: str) -> str:
    """Type of a question: its first word, "other" where that is not a question word of the dataset."""
    first = question.split(maxsplit=1)[:1]
    return first[0].lower() if first and first[0].lower() in KINDS else KINDS[-1]


def read_questions(path: Path, video: str) -> Iterator[Question]:
    """The questions of a list of MSRVTT-QA or MSVD-QA, in its order.

    Args:
        path: The list.
        video: Name of a video with `{}` for its number.

    Raises:
        UserError: The list or one of its records is damaged.
    """
    seen: dict[int, str] = {}
    for row in read_records(path):
        row.once("id", seen)
        text = row.text("question")
        yield Question(str(row.whole("id")), video.format(row.whole("video_id")), text, answer_of(row), kind_of(text))


def answer_of(row: Row) -> str:
    """The answer of a question.

    Raises:
        UserError: There is none, or it is empty.
    """
    answer = row.text("answer")
    if not answer.strip():
        raise row.fault("its answer is empty")
    return answer


@dataclass(kw_only=True)
class MsrVttQaConfig(QuestionConfig):
    """MSRVTT-QA as clips; the vocabulary is the release's 1,500."""

    vocabulary: int | None = 1500


class MsrVttQa(QuestionData):
    """MSRVTT-QA for open-ended question answering."""

    facts = MSRVTT_QA
    kinds = KINDS
    config: MsrVttQaConfig

    def questions(self, split: str) -> Iterator[Question]:
        """See `read_questions`."""
        return read_questions(require_file(self.root, LISTS[split], self.facts), "video{}")

    def locate(self, video: str) -> str | None:
        """In MSR-VTT's usual folders, here or in MSR-VTT's own folder beside this one."""
        return self._files.find(video) if self.shards is None else self.shards.get(video)

    @cached_property
    def _files(self) -> VideoFiles:
        return VideoFiles(self.root, FOLDERS)
