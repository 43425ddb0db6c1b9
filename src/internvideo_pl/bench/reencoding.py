"""Files as `make shard REENCODE=1` writes them, and with one of its choices made otherwise."""

from pathlib import Path

from internvideo_pl.data.shards.reencode import Reencode, reencode

CHOICES = {
    "as by default": Reencode(),
    "a key frame every 8": Reencode(gop=8),
    "a key frame every 24": Reencode(gop=24),
    "key frames alone": Reencode(gop=1, b_frames=0),
    "no B pictures": Reencode(b_frames=0),
    "crf 20": Reencode(crf=20),
}


def small_copy(path: Path, folder: Path, settings: Reencode) -> Path:
    """A video re-encoded into a folder; made once."""
    small = folder / f"{path.stem}_{settings.size}_{settings.gop}_{settings.crf}_{settings.b_frames}.mp4"
    if not small.is_file():
        reencode(path, small, settings)
    return small
