"""MSVD-QA: questions generated from the captions of MSVD (YouTube clips of 2010), one word as the answer.

Files, as their authors publish them: train_qa.json, val_qa.json, test_qa.json, each a list of
    {"answer": "animal", "question": "what is chewing on a nut?", "id": 0, "video_id": 1}
and youtube_mapping.txt, one line a video: its file's name and vid<video_id>, as in "-4wsuPCjDBc_5_15 vid1".
Videos 1-1200 train, 1201-1450 validate, 1451-1970 test: not the split of MSVD retrieval (1,200 / 100 / 670).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from data_modules.msrvtt_qa import KINDS, LISTS, read_questions
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.listed_videos import VideoFiles, check_name, require_file
from internvideo_pl.data.official import read_text
from internvideo_pl.data.questions import Question, QuestionConfig, QuestionData
from internvideo_pl.errors import UserError

MSVD_QA = DatasetFacts(
    name="MSVD-QA",
    task="open-ended question answering",
    splits={"train": 30933, "val": 6415, "test": 13157},  # Xu et al., ACM Multimedia 2017; 1,200 / 250 / 520 videos
    url="https://github.com/xudejing/video-question-answering (the lists) and YouTubeClips.tar of UT Austin",
    licence="MIT (the lists)",
    terms="research use; each video belongs to its uploader",
    layout=(
        "{train,val,test}_qa.json, youtube_mapping.txt and YouTubeClips/<name>.avi, or the videos in the folder msvd "
        "beside it"
    ),
    defects=(
        "1,174 of the 13,157 test questions have an answer outside the 1,000 most frequent training answers",
        "its split is not that of MSVD retrieval: a model trained for retrieval has seen some of its test videos",
        "the lists number the videos from 1, youtube_mapping.txt names them",
    ),
)

MAPPING = "youtube_mapping.txt"
VIDEO_FOLDERS = ("YouTubeClips", "videos", ".", "../msvd/YouTubeClips", "../msvd/videos", "../msvd")


def read_mapping(path: Path) -> dict[str, str]:
    """File names without suffix by number ("vid1"), from lines of "<name> vid<number>".

    Raises:
        UserError: A line is of another form, or a number comes twice.
    """
    names: dict[str, str] = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        words = line.split()
        if len(words) != 2 or not words[1].startswith("vid"):
            raise UserError(f"{path}, line {number}: {line.strip()!r:.60} is not of the form <name> vid<number>")
        if words[1] in names:
            raise UserError(f"{path}, line {number}: {words[1]} comes a second time; get the official file anew")
        names[words[1]] = check_name(words[0], f"{path}, line {number}")
    return names


@dataclass(kw_only=True)
class MsvdQaConfig(QuestionConfig):
    """MSVD-QA as clips; the vocabulary is the 1,000 answers of the authors' and the release's code."""

    vocabulary: int | None = 1000


class MsvdQa(QuestionData):
    """MSVD-QA for open-ended question answering."""

    facts = MSVD_QA
    kinds = KINDS
    config: MsvdQaConfig

    @cached_property
    def _names(self) -> dict[str, str]:
        return read_mapping(require_file(self.root, MAPPING, self.facts))

    def questions(self, split: str) -> Iterator[Question]:
        """See `read_questions`."""
        return read_questions(require_file(self.root, LISTS[split], self.facts), "vid{}")

    def locate(self, video: str) -> str | None:
        """By its name in youtube_mapping.txt, or else by its number.

        Raises:
            UserError: The mapping does not have it.
        """
        if video not in self._names:
            raise UserError(f"{self.root / MAPPING} does not name {video}, which a question is about; get both anew")
        name = self._names[video]
        if self.shards is not None:
            return self.shards.get(name)
        return self._files.find(name) or self._files.find(video)

    @cached_property
    def _files(self) -> VideoFiles:
        return VideoFiles(self.root, VIDEO_FOLDERS)
