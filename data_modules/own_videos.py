"""Any videos of one's own, for masked pretraining: no official list.

A folder may hold video files, folders of numbered pictures and tar shards, at any depth and mixed. A text file names
one location a line: a file, a folder of pictures, a member of a shard or a URL.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import track

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.manifest import HOPELESS
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.shards.webdataset import samples_of
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import find_sources, open_source, read_list
from internvideo_pl.video.sources.tar import TarMember, is_member

OWN_VIDEOS = DatasetFacts(
    name="own videos",
    task="masked pretraining",
    splits={},
    url="a folder of yours",
    licence="yours to know",
    terms="yours to know",
    layout="<folder>/**/*.{mp4,avi,mkv,webm,mov,gif,...}, <folder>/**/<video>/00001.jpg, <folder>/**/*.tar, or a list",
)


def find_samples(root: Path) -> list[Sample]:
    """The videos of a folder, or those that a text file lists, in the order of their names or of the file.

    Returns:
        Samples whose key is where they are, below the folder; those of tar shards with the labels and texts there.

    Raises:
        UserError: The folder or file is missing, names no video, or holds an archive that cannot be read.
    """
    if root.is_file():
        return [Sample(location, location) for location in read_list(root)]
    locations = find_sources(root)
    tars = dict.fromkeys(TarMember.at(location).tar for location in locations if is_member(location))
    told = {sample.path: sample for tar in tars for sample in samples_of(tar)}
    found = (told.get(location, Sample(location, location)) for location in locations)
    return [replace(sample, key=Path(os.path.relpath(sample.path, root)).as_posix()) for sample in found]


@dataclass(kw_only=True)
class OwnVideosConfig(ClipConfig):
    """A folder as clips.

    Attributes:
        shown: How many videos, spread over the folder, are reconstructed at the end.
    """

    shown: int = 16


class OwnVideos(VideoData):
    """Every video of a folder, in the order of their names, or of a list.

    There is no second folder to test on: the test reconstructs videos that were trained on, and its rows say so.
    """

    facts = OWN_VIDEOS
    config: OwnVideosConfig
    official = False

    @property
    def test_list(self) -> str:
        """What stands in for a test list."""
        return "training videos"

    def read(self, split: str) -> Split:
        """All videos that open, for training; an even choice of them for the test.

        Videos that do not open are left out of both and named by `Split.faults`. Damage further inside shows only when
        that part is read.

        Raises:
            UserError: The folder is missing, holds no video, or none that opens.
        """
        if split == "train":
            return self._open(self.listed("train").samples)
        return Split(self._chosen(self.split("train").samples))

    def listed(self, split: str) -> Split:
        """The same without opening any.

        Raises:
            UserError: The folder is missing or holds no video.
        """
        if self.config.shards is not None:
            raise UserError(f"one's own shards are read by naming their folder: DATA={self.config.shards}")
        samples = find_samples(self.root)
        return Split(samples if split == "train" else self._chosen(samples))

    def _chosen(self, samples: Sequence[Sample]) -> list[Sample]:
        step = max(len(samples) / self.config.shown, 1.0)
        return [samples[int(i * step)] for i in range(min(len(samples), self.config.shown))]

    def _open(self, samples: Sequence[Sample]) -> Split:
        found = Split()
        for sample in track(samples, "opening videos", console=Console(stderr=True), transient=True):
            fault = self._fault(sample)
            if fault is None:
                found.samples.append(sample)
            else:
                found.missing.append(sample.key)
                found.faults.append(fault)
        if not found.samples:
            raise UserError(
                f"none of the {found.official} videos under {self.root} can be decoded; the first is {found.faults[0]}"
            )
        return found

    def _fault(self, sample: Sample) -> DecodeError | None:
        """Why a video does not open, if it does not; what the manifest knows is not tried again."""
        known = self.manifest.known(sample.path) if self.manifest is not None else None
        if known is not None and known.status in HOPELESS:
            return DecodeError(sample.path, known.reason)
        try:
            if known is None or known.status != "sound":
                open_source(sample.path).frames([0])
        except DecodeError as error:
            return error
        return None
