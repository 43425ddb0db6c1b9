"""The miniature in the layout of MSVD: three lists of ids, one pickle of lists of words, AVI files.

Videos have unlike numbers of sentences; every one of a test video's is a query.
"""

import pickle
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from internvideo_pl.data.mini.captioned import CaptionedMini, of_split, plan
from internvideo_pl.data.mini.describe import paraphrases
from internvideo_pl.data.mini.kinetics import ALPHABET
from internvideo_pl.data.mini.layout import Layout, MiniClip


@dataclass(frozen=True, kw_only=True)
class MsvdMini(CaptionedMini):
    """Sizes of the miniature.

    Attributes:
        captions: Most sentences of a video; the fewest are two less.
    """

    captions: int = 6


def name(rng: np.random.Generator, number: int) -> str:
    """A YouTube id and the seconds, without leading zeros."""
    start = int(rng.integers(200))
    return f"YouTubeClips/{''.join(rng.choice(list(ALPHABET), 11))}_{start}_{start + int(rng.integers(4, 15))}.avi"


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: MsvdMini) -> None:
    """Writes train_list.txt, val_list.txt, test_list.txt and raw-captions.pkl."""
    told: dict[str, list[list[str]]] = {}
    for split in ("train", "val", "test"):
        ids = [Path(clip.path).stem for clip in of_split(clips, split)]
        (folder / f"{split}_list.txt").write_text("\n".join(ids) + "\n", encoding="utf-8")
    for number, clip in enumerate(clips):
        rng = np.random.default_rng((seed, 3, number))
        count = int(rng.integers(options.captions - 2, options.captions + 1))
        said = paraphrases(rng, clip.scene.looks, count + 1)
        told[Path(clip.path).stem] = [sentence.replace(",", " ,").split() for sentence in said[:count]]
    (folder / "raw-captions.pkl").write_bytes(pickle.dumps(told, protocol=2))


LAYOUT = Layout(MsvdMini, partial(plan, name=name), annotate)
