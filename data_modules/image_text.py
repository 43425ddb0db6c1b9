"""Image-text pairs in tar shards, as img2dataset writes LAION: <key>.jpg, <key>.txt and <key>.json beside one another.

An image is a video of one frame to the same tower. The caption is that of the .txt, or else "caption" of the .json. A
pair without one is never dropped in silence: it is named by shard and key among the bad videos of the run. There is no
official test list: the last shard by name is held out.
"""

import json
from pathlib import Path

from rich.console import Console
from rich.progress import track

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.shards.webdataset import stem_of_member
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources.still import is_still
from internvideo_pl.video.sources.tar import member_location
from internvideo_pl.video.sources.tar_index import TarIndex, tar_index

IMAGE_TEXT = DatasetFacts(
    name="image-text pairs",
    task="image-text pretraining",
    splits={},  # LAION-400M has 413 M pairs (arXiv 2111.02114); which and how many the paper took is not in its table 1
    url="https://laion.ai (lists of URLs), https://github.com/rom1504/img2dataset (downloads them into shards)",
    licence="lists CC BY 4.0",
    terms="research use; each image belongs to its owner",
    layout="*.tar with <key>.{jpg,jpeg,png,webp}, <key>.txt and <key>.json",
    defects=(
        "LAION-5B was withdrawn in December 2023 over unlawful images; use Re-LAION's cleaned lists",
        "images vanish from the web, so every download lacks some",
        "captions are alternative texts of web pages: many do not describe their image",
    ),
)


def read_pairs(shards: list[Path]) -> Split:
    """The pairs of some shards, by shard and key.

    Returns:
        Samples whose key is `<shard>/<key>`; pairs without a caption or an image are missing, and among its faults.

    Raises:
        UserError: A shard cannot be read.
    """
    found = Split()
    for shard in track(shards, "reading captions", console=Console(stderr=True), transient=True):
        try:
            _read_shard(shard, tar_index(str(shard)), found)
        except (DecodeError, OSError) as error:
            raise UserError(f"{shard} cannot be read as a shard of pairs: {error}") from error
    return found


def _read_shard(shard: Path, index: TarIndex, found: Split) -> None:
    parts: dict[str, dict[str, str]] = {}  # key -> ending -> member
    for member in index.members():
        ending = "image" if is_still(member) else member.rpartition(".")[2]
        if ending in ("image", "txt", "json"):
            parts.setdefault(stem_of_member(member), {})[ending] = member
    with shard.open("rb") as file:
        for key, members in parts.items():
            words = {}
            for ending in ("txt", "json"):
                if ending in members and (place := index.find(members[ending])) is not None:
                    file.seek(place[0])
                    words[ending] = file.read(place[1])
            caption, fault = _caption(words)
            if "image" not in members:
                fault = "has no image"
            if fault:
                found.missing.append(f"{shard.stem}/{key}")
                found.faults.append(DecodeError(member_location(shard, key), fault))
            else:
                location = member_location(shard, members["image"])
                found.samples.append(Sample(location, f"{shard.stem}/{key}", texts=(caption,)))


def _caption(words: dict[str, bytes]) -> tuple[str, str]:
    """(caption, what is wrong)."""
    try:
        if "txt" in words:
            caption = words["txt"].decode("utf-8")
        elif "json" in words:
            caption = json.loads(words["json"])["caption"] or ""
        else:
            return "", "has no caption, neither .txt nor .json"
        caption = " ".join(caption.split())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return "", f"its caption cannot be read: {type(error).__name__}"
    return caption, "" if caption else "its caption is empty"


class ImageText(VideoData):
    """A folder of shards of image-text pairs, for alignment."""

    facts = IMAGE_TEXT

    @property
    def test_list(self) -> str:
        """There is no official one."""
        return "last shard"

    def read(self, split: str) -> Split:
        """See `read_pairs`.

        Raises:
            UserError: There are fewer than two shards.
        """
        shards = sorted(self.root.glob("*.tar")) if self.root.is_dir() else []
        if not shards:
            raise self.facts.absent(self.root, "a shard (*.tar)")
        if len(shards) < 2:
            raise UserError(f"{self.root} holds one shard, of which none is left to train on: at least two are wanted")
        return read_pairs(shards[:-1] if split == "train" else shards[-1:])
