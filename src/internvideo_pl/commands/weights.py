"""`weights`: audit and convert weights from anywhere, and list the released ones."""

import argparse
from pathlib import Path

from internvideo_pl.commands.command import Command


def arguments(parser: argparse.ArgumentParser) -> None:
    """From where, to where, and what to do in between."""
    add = parser.add_argument
    add("source", nargs="?", help="a file, a run's folder, the short name of released weights, or owner/name[:file]")
    add("target", nargs="?", help="a .safetensors file to write; without it the weights are audited only")
    add("--list", action="store_true", help="print the released weights that have a short name")
    add("--trust", action="store_true", help="let a legacy file run its pickled code; only if you trust its maker")
    add("--threshold", type=float, default=1.0, metavar="SHARE", help="of the tensors' values that must fit (1: all)")
    add("--average", action="append", default=[], metavar="FILE", help="average with this one too; may be repeated")
    add("--mix", metavar="CLIP", help="mix CLIP in (WiSE-FT): a file or a short name such as clip_l14")
    add("--ratio", type=float, default=0.5, metavar="SHARE", help="of CLIP in the mix (0.5)")
    add("--classes", metavar="N|JSON", help="choose rows of the classifier: 400 (of 710), or a file with each row")
    add("--frames", type=int, metavar="N", help="for clips of so many frames")
    add("--size", type=int, metavar="PIXELS", help="for clips of this resolution; positions are interpolated")
    add("--to", default="ours", metavar="NAMES", help="ours, released, or a layout such as openai_clip")
    add("--json", action="store_true", help="for scripts: the audit as JSON")


def call(chosen: argparse.Namespace) -> None:
    """Print the audit and write the file."""
    from internvideo_pl.weights.command import Conversion, convert_file, print_released
    from internvideo_pl.weights.options import WeightsConfig

    if chosen.list or chosen.source is None:
        print_released()
        return
    options = WeightsConfig(
        trust=chosen.trust,
        threshold=chosen.threshold,
        average=chosen.average,
        mix=chosen.mix,
        mix_ratio=chosen.ratio,
    )
    wanted = Conversion(
        options=options, classes=chosen.classes, frames=chosen.frames, size=chosen.size, names=chosen.to
    )
    convert_file(chosen.source, Path(chosen.target) if chosen.target else None, wanted, chosen.json)


COMMAND = Command("audit and convert weights from anywhere; list the released ones", arguments, call)
