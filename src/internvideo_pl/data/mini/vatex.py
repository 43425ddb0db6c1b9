"""The miniature in the layout of VATEX: two JSON files with captions in two languages, the split's lists, mp4 files."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from internvideo_pl.data.mini.captioned import CaptionedMini, of_split, plan
from internvideo_pl.data.mini.describe import paraphrases
from internvideo_pl.data.mini.kinetics import clip_name
from internvideo_pl.data.mini.layout import Layout, MiniClip


@dataclass(frozen=True, kw_only=True)
class VatexMini(CaptionedMini):
    """Sizes of the miniature.

    Attributes:
        captions: Captions of a video in each language.
    """

    captions: int = 10


def name(rng: np.random.Generator, number: int) -> str:
    """A YouTube id, begin and end in six digits each."""
    return f"videos/{clip_name(rng)}.mp4"


def annotate(folder: Path, clips: list[MiniClip], seed: int, options: VatexMini) -> None:
    """Writes vatex_training_v1.0.json, vatex_validation_v1.0.json, train_list.txt, val_list.txt and test_list.txt."""
    training, validation = of_split(clips, "train"), of_split(clips, "val") + of_split(clips, "test")
    order = np.random.default_rng((seed, 3)).permutation(len(validation))  # the halves are mixed, as in the real file
    _write(folder / "vatex_training_v1.0.json", training, seed, options)
    _write(folder / "vatex_validation_v1.0.json", [validation[i] for i in order], seed, options)
    for split in ("train", "val", "test"):
        ids = [Path(clip.path).stem for clip in of_split(clips, split)]
        (folder / f"{split}_list.txt").write_text("\n".join(ids) + "\n", encoding="utf-8")


def _write(path: Path, clips: list[MiniClip], seed: int, options: VatexMini) -> None:
    path.write_text(json.dumps([_entry(clip, seed, options) for clip in clips], ensure_ascii=False), encoding="utf-8")


def _entry(clip: MiniClip, seed: int, options: VatexMini) -> dict[str, Any]:
    rng = np.random.default_rng((*clip.scene.seed, 3))
    said = paraphrases(rng, clip.scene.looks, options.captions + 1)[: options.captions]
    english = [sentence[0].upper() + sentence[1:] + "." for sentence in said]
    return {"videoID": Path(clip.path).stem, "enCap": english, "chCap": ["一个形状在移动。"] * options.captions}


LAYOUT = Layout(VatexMini, partial(plan, name=name), annotate)
