"""LSMDC multiple choice: which of five movie descriptions is this clip's; 10,053 test clips of the 2016 challenge.

Three TAB-separated lists without header and without quoting; people are called SOMEONE:
    LSMDC16_multiple_choice_{train,valid}.csv      clip id, 4 times, 5 sentences of which the first is right
    LSMDC16_multiple_choice_test_randomized.csv    clip id, 4 times, 5 sentences, number of the right one from 1
"""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from data_modules.lsmdc import ENDINGS, check_clip, film_of
from internvideo_pl.data.choices import Choice, ChoiceData, read_choice
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.fields import read_tabs
from internvideo_pl.data.listed_videos import VideoFiles, require_file

LSMDC_MC = DatasetFacts(
    name="LSMDC multiple choice",
    task="multiple choice",
    splits={"train": 101079, "val": 7408, "test": 10053},  # rows of the 2016 challenge's lists
    url="https://sites.google.com/site/describingmovies (an account of MPII for Informatics is needed)",
    licence="of the MPII Movie Description and M-VAD authors; nothing may be passed on",
    terms="academic use after signing",
    layout="LSMDC16_multiple_choice_{train,valid,test_randomized}.csv and <film>/<clip id>.avi, here or in ../lsmdc",
    defects=(
        "stray quotes stand in sentences: who reads them as CSV quoting merges or drops rows, of 10,053",
        "clip ids come more than once",
        "the release leaves out three test clips (3056_PUBLIC_ENEMIES_01.24.29.351-01.24.32.274, "
        "3035_INSIDE_MAN_02.02.18.839-02.02.25.201, 3064_SPARKLE_2012_00.14.12.000-00.14.22.429); here they count",
    ),
)

LISTS = {
    "train": "LSMDC16_multiple_choice_train.csv",
    "val": "LSMDC16_multiple_choice_valid.csv",
    "test": "LSMDC16_multiple_choice_test_randomized.csv",
}
TIMES = ("start_aligned", "end_aligned", "start_extracted", "end_extracted")
SENTENCES = ("sentence 1", "sentence 2", "sentence 3", "sentence 4", "sentence 5")
COLUMNS = ("clip id", *TIMES, *SENTENCES)
VIDEO_FOLDERS = (".", "videos", "avi", "../lsmdc", "../lsmdc/videos", "../lsmdc/avi")


def read_choices(path: Path, has_answer: bool) -> Iterator[Choice]:
    """The choices of a list, in its order; the second clip of one id gets the key "<id>#2".

    Args:
        path: The list.
        has_answer: Whether its last field is the number of the right sentence; else the first one is right.

    Raises:
        UserError: A line is damaged.
    """
    seen: Counter[str] = Counter()
    for row in read_tabs(path, (*COLUMNS, "answer") if has_answer else COLUMNS):
        clip = check_clip(row.text("clip id"), row.place)
        seen[clip] += 1
        key = clip if seen[clip] == 1 else f"{clip}#{seen[clip]}"
        yield read_choice(row, key, clip, SENTENCES, row.whole("answer") - 1 if has_answer else 0)


class LsmdcMc(ChoiceData):
    """LSMDC for multiple choice, zero-shot or after alignment on the training descriptions."""

    facts = LSMDC_MC

    def choices(self, split: str) -> Iterator[Choice]:
        """See `read_choices`."""
        path = require_file(self.root, LISTS[split], self.facts)
        return read_choices(path, has_answer=split == "test")

    def locate(self, video: str) -> str | None:
        """In the folder of its film."""
        return self._files.find(video, film_of(video)) if self.shards is None else self.shards.get(video)

    @cached_property
    def _files(self) -> VideoFiles:
        return VideoFiles(self.root, VIDEO_FOLDERS, ENDINGS)
