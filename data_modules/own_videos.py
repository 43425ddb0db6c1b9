"""Any folder of video files, for masked pretraining: no labels, no official list."""

from dataclasses import dataclass
from pathlib import Path

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import UserError
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
    test_list = "training videos"

    def read(self, split: str) -> Split:
        """All videos for training, an even choice of them for the test.

        Raises:
            UserError: The folder is missing or holds no video file.
        """
        paths = find_videos(self.root)
        if split != "train":
            step = max(len(paths) / self.config.shown, 1.0)
            paths = [paths[int(i * step)] for i in range(min(len(paths), self.config.shown))]
        return Split([Sample(path, self._key(path)) for path in paths])

    def _key(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def require_root(root: Path | None) -> Path:
    """The folder that the person named.

    Raises:
        UserError: None was named.
    """
    if root is None:
        raise UserError("name the folder of your videos: make experiment NAME=pretrain/own_videos DATA=<folder>")
    return root
