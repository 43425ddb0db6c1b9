"""MSR-VTT multiple choice: which of five captions, four of them other videos', is this video's; 2,990 test videos.

One JSON object a line in msrvtt_mc_test.jsonl, as ClipBERT passes it on:
    {"clip_name": "video7010", "options": ["a girl ...", ... five], "answer": 0, "qid": 0}
The test videos are those of the 2016 challenge. Whoever fine-tunes therefore trains on that challenge's training list
(the split of MSR-VTT itself) and not on 1k-A's, which holds most of the test videos.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from data_modules.msrvtt import CAPTIONS, CHALLENGE_SPLITS, LIST_FOLDERS, read_captions, read_videos
from data_modules.msrvtt_qa import FOLDERS, NEIGHBOUR
from internvideo_pl.data.choices import Choice, ChoiceData
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.fields import Row, read_json_lines
from internvideo_pl.data.listed_videos import VideoFiles, check_name, find_file, require_file
from internvideo_pl.data.module import Split

MSRVTT_MC = DatasetFacts(
    name="MSR-VTT multiple choice",
    task="multiple choice",
    splits={"train": 6513, "test": 2990},  # the challenge's lists; 2,990 as JSFusion (ECCV 2018) built the test
    url="https://github.com/jayleicn/ClipBERT (msrvtt_mc_test.jsonl) and the 2016 MSR-VTT challenge's videos",
    licence="no explicit licence",
    terms="research use; each video belongs to its uploader",
    layout="msrvtt_mc_test.jsonl, MSRVTT_data.json (to train) and videos/all/<clip_name>.mp4, or those in ../msrvtt",
    defects=(
        "1k-A's 9,000 training videos hold most of the 2,990 test videos: start from no model trained on them",
        "the release puts a random other video in place of one that cannot be decoded",
    ),
)

TEST = "msrvtt_mc_test.jsonl"
TEST_FOLDERS = (".", "txt", "annotation")


def read_choices(path: Path) -> Iterator[Choice]:
    """The choices of the test list, in its order.

    Raises:
        UserError: A line is damaged.
    """
    for number, row in enumerate(read_json_lines(path)):
        options = row.fields.get("options")
        if not isinstance(options, list) or len(options) != ChoiceData.num_options:
            raise row.fault(f"its options must be a list of {ChoiceData.num_options} captions")
        texts = tuple(Row(row.place, {"option": option}).text("option") for option in options)
        right = row.whole("answer")
        if not 0 <= right < len(texts):
            raise row.fault(f"its answer must be 0 to {len(texts) - 1}, not {right}")
        key = str(row.fields.get("qid", number))
        yield Choice(key, check_name(row.text("clip_name"), row.place), texts, right)


class MsrVttMc(ChoiceData):
    """MSR-VTT for multiple choice, zero-shot or after alignment on the challenge's training captions."""

    facts = MSRVTT_MC

    def choices(self, split: str) -> Iterator[Choice]:
        """See `read_choices`; there is but a test list."""
        return read_choices(require_file(self.root, TEST, self.facts, TEST_FOLDERS))

    def locate(self, video: str) -> str | None:
        """In MSR-VTT's usual folders, here or in MSR-VTT's own folder beside this one."""
        return self._files.find(video) if self.shards is None else self.shards.get(video)

    @cached_property
    def _files(self) -> VideoFiles:
        return VideoFiles(self.root, FOLDERS)

    def read(self, split: str) -> Split:
        """The test list, or the videos of the challenge's training list with all their captions."""
        if split == "test":
            return super().read(split)
        here = any(find_file(self.root, names[0], LIST_FOLDERS) for names in CAPTIONS)
        root = self.root if here else self.root / NEIGHBOUR
        wanted = CHALLENGE_SPLITS[split]
        keys = [video["video_id"] for video in read_videos(root, self.facts) if video.get("split") == wanted]
        return read_captions(root, self.facts).split(
            keys, self.locate, f"the captions under {root}", "its list of videos"
        )
