"""`shard`: pack a dataset into tar shards, perhaps re-encoded small."""

import argparse
from pathlib import Path

from internvideo_pl.commands.command import Command
from internvideo_pl.cores import usable_cores
from internvideo_pl.errors import UserError


def arguments(parser: argparse.ArgumentParser) -> None:
    """What to pack, where to, and how."""
    parser.add_argument("name", nargs="?", help="an experiment, or a dataset such as kinetics400")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes a key of the experiment")
    parser.add_argument("--mini", action="store_true", help="pack the miniature")
    parser.add_argument("--data", metavar="FOLDER", help="folder of the dataset, or of videos of one's own")
    parser.add_argument("--to", metavar="FOLDER", help="where the shards go (beside the dataset, <its name>-shards)")
    parser.add_argument("--reencode", action="store_true", help="encode the videos anew, small, to be read faster")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="short side of re-encoded videos (256)")
    parser.add_argument("--gop", type=int, metavar="N", help="frames from one key frame to the next (12)")
    parser.add_argument("--crf", type=int, metavar="N", help="x264's quality scale, lower is better (23)")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (as many as cores)")
    parser.add_argument("--measure", action="store_true", help="time the loader before and after")


def call(chosen: argparse.Namespace) -> None:
    """Hand the order to the composition root."""
    if chosen.name is None:
        raise UserError("Which dataset? Name one, or an experiment, as in `internvideo shard kinetics400`.")
    asked = {name: getattr(chosen, name) for name in ("size", "gop", "crf") if getattr(chosen, name) is not None}
    if asked and not chosen.reencode:
        raise UserError(f"{', '.join(asked)} say how videos are re-encoded: add --reencode (REENCODE=1).")
    from internvideo_pl.data.shards.reencode import Reencode
    from internvideo_pl.run.shard import Order, main

    main(
        Order(
            name=chosen.name,
            overrides=chosen.overrides,
            mini=chosen.mini,
            data=chosen.data,
            to=Path(chosen.to).expanduser() if chosen.to else None,
            settings=Reencode(**asked) if chosen.reencode else None,
            jobs=usable_cores() if chosen.jobs is None else chosen.jobs,
            measure=chosen.measure,
        )
    )


COMMAND = Command("pack a dataset into tar shards, perhaps re-encoded small", arguments, call)
