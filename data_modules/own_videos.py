"""Any folder of video files, for masked pretraining: no labels, no official list."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import track

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.video.decode import probe
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import find_videos

OWN_VIDEOS = DatasetFacts(
    name="own videos",
    task="masked pretraining",
    splits={},
    url="a folder of yours",
    licence="yours to know",
    terms="yours to know",
    layout="<folder>/**/*.{mp4,avi,mkv,webm,mov,gif,...}",
)


@dataclass(kw_only=True)
class OwnVideosConfig(ClipConfig):
    """A folder as clips.

    Attributes:
        shown: How many videos, spread over the folder, are reconstructed at the end.
    """

    shown: int = 16


class OwnVideos(VideoData):
    """Every video file below a folder, in the order of their names.

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

        Files that do not open are left out of both and named by `Split.faults`. Damage further inside shows only when
        that part is read.

        Raises:
            UserError: The folder is missing, holds no video file, or none that opens.
        """
        if split == "train":
            return self._open(find_videos(self.root))
        samples = self.split("train").samples
        step = max(len(samples) / self.config.shown, 1.0)
        return Split([samples[int(i * step)] for i in range(min(len(samples), self.config.shown))])

    def _open(self, paths: list[Path]) -> Split:
        found = Split([])
        for path in track(paths, "opening videos", console=Console(stderr=True), transient=True):
            key = path.relative_to(self.root).as_posix()
            try:
                probe(path)
                found.samples.append(Sample(path, key))
            except DecodeError as error:
                found.missing.append(key)
                found.faults.append(error)
        if not found.samples:
            raise UserError(
                f"none of the {len(paths)} video files under {self.root} can be decoded; the first is {found.faults[0]}"
            )
        return found
