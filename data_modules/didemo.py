"""DiDeMo: personal videos whose descriptions of moments, joined, are the query for the whole video.

Files:
    train_data.json, val_data.json, test_data.json    [{"annotation_id", "description", "video", "times", ...}, ...]
    train_list.txt, val_list.txt, test_list.txt       names of the videos that retrieval uses, one a line
    videos/<name>                                     under its full name, or with .mp4 for the ending it has
A name is that of the uploaded file, ending included. Some end in a bare dot, and two videos may differ in the ending
alone, so names are compared whole. Annotators saw the first 30 seconds; only the first 31 are read.
"""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

from internvideo_pl.data.captions import CaptionedData, Captions
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.listed_videos import Shards, VideoFiles, check_name, read_entries, read_names, require_file
from internvideo_pl.data.module import Split
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources.excerpt import excerpt_location

DIDEMO = DatasetFacts(
    name="DiDeMo",
    task="text-video retrieval",
    splits={"train": 8_392, "val": 1_065, "test": 1_004},  # the lists of retrieval; the JSON files have more
    url="https://github.com/LisaAnne/LocalizingMoments; the lists are those of collaborative-experts",
    licence="BSD 2-Clause (annotations)",
    terms="the videos are under Creative Commons licences (YFCC100M)",
    layout="{train,val,test}_data.json, {train,val,test}_list.txt and videos/<name of the uploaded file>",
    defects=(
        "the JSON of the test has 1,037 videos, the list of retrieval 1,004",
        "names may end in a bare dot, and two videos may have one name but for its ending",
        "annotators saw the first 30 seconds alone, whatever the video's length",
        "the moments' times are not used: a paragraph is about the whole video",
    ),
)

LIST_FOLDERS = (".", "annotation", "data")
VIDEO_FOLDERS = ("videos", "DiDeMo_Videos", "train", "test", ".")
WINDOW = 31.0  # seconds, as the release reads them


def read_didemo(root: Path, split: str, shards: Shards | None = None) -> Split:
    """A split, one sample a video with its paragraph, in the order of its list.

    Args:
        root: The dataset's folder.
        split: "train", "val" or "test".
        shards: Where packed videos are, by name; without them the videos are files below `root`.

    Returns:
        Samples whose key is the full name.

    Raises:
        UserError: A file is not there or damaged, or they do not belong together.
    """
    listed = require_file(root, f"{split}_list.txt", DIDEMO, LIST_FOLDERS)
    path = require_file(root, f"{split}_data.json", DIDEMO, LIST_FOLDERS)
    names = read_names(listed)
    captions = Captions(testing=split == "test", joined=True)
    seen: set[str] = set()
    for number, entry in enumerate(read_entries(path, list), start=1):
        where = f"{path}, entry {number}"
        if not isinstance(entry, dict):
            raise UserError(f"{where}: is no object; get the official file anew")
        name = check_name(entry.get("video"), where)
        seen.add(name)
        if name in names:
            captions.add(name, entry.get("description"), where)
    locate = _Located(root, seen | names.keys()) if shards is None else shards.get
    found = captions.split(names, locate, str(path), str(listed))
    return _beginnings(found)


class _Located:
    """Name -> file: under its full name, else with another ending where no other video would have that file too."""

    def __init__(self, root: Path, names: set[str]):
        self.files = VideoFiles(root, VIDEO_FOLDERS)
        self.stems = Counter(_stem(name) for name in names)

    def __call__(self, name: str) -> str | None:
        path = self.files.exact(name) or self.files.exact(f"{name}.mp4")
        if path is None and self.stems[_stem(name)] == 1:
            path = self.files.find(_stem(name))
        return path


def _stem(name: str) -> str:
    return os.path.splitext(name)[0].rstrip(".")


def _beginnings(found: Split) -> Split:
    """The same split, of whose videos only the part that annotators saw is read."""
    cut = Split(missing=found.missing, faults=found.faults)
    cut.missing_texts = found.missing_texts
    for sample in found.samples:
        cut.samples.append(replace(sample, path=excerpt_location(sample.path, 0, WINDOW)))
    return cut


class DiDeMo(CaptionedData):
    """DiDeMo for paragraph retrieval."""

    facts = DIDEMO
    captions = "paragraph"

    def listed(self, split: str) -> Split:
        """See `read_didemo`."""
        return read_didemo(self.root, split, self.shards)
