"""The miniature of image-text pairs: tar shards of pictures, captions and JSON as img2dataset writes them for LAION."""

import io
import json
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from internvideo_pl.data.mini.layout import MiniClip, MiniOptions, interleaved
from internvideo_pl.data.mini.webvid import draw_looks
from internvideo_pl.data.mini.world import sample_scene

LOOSE = "loose"  # where pictures and captions lie until they are packed


@dataclass(frozen=True, kw_only=True)
class ImageTextMini(MiniOptions):
    """Sizes of the miniature.

    Attributes:
        pairs: How many pictures.
        shard: Pictures of a shard.
        frames: Of a picture: one.
        duet: Share of pictures with a second thing.
    """

    pairs: int = 1000
    shard: int = 250
    frames: int = 1
    duet: float = 0.7


def plan(seed: int, options: ImageTextMini) -> list[MiniClip]:
    """All pictures, numbered as img2dataset does: five digits of the shard, four of the picture."""
    clips = []
    for number in range(options.pairs):
        rng = np.random.default_rng((seed, 0, number))
        looks = draw_looks(rng, "train", interleaved(number, options.duet))
        name = f"{number // options.shard:05d}{number % options.shard:04d}.jpg"
        clips.append(MiniClip(f"{LOOSE}/{name}", sample_scene((seed, 1, number), "train", looks), "train"))
    return clips


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: ImageTextMini) -> None:
    """Writes a caption, which says nothing of motion, and a JSON beside where each picture will be."""
    for clip in clips:
        path = folder / clip.path
        caption = " and ".join(f"a {look.colour} {look.texture} {look.shape}" for look in clip.scene.looks)
        told = {"caption": caption, "key": path.stem, "status": "success", "width": options.size}
        path.with_suffix(".txt").write_text(caption, encoding="utf-8")
        path.with_suffix(".json").write_text(json.dumps(told | {"height": options.size}), encoding="utf-8")


def pack(folder: Path) -> None:
    """Packs everything into shards, 00000.tar and on, in the order of the names."""
    shards: dict[str, list[Path]] = {}
    for path in sorted((folder / LOOSE).iterdir()):
        shards.setdefault(path.name[:5], []).append(path)
    for name, paths in shards.items():
        with tarfile.open(folder / f"{name}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for path in paths:
                member = tarfile.TarInfo(path.name)  # without the time and owner of the file
                member.size = path.stat().st_size
                tar.addfile(member, io.BytesIO(path.read_bytes()))
    shutil.rmtree(folder / LOOSE)
