"""`search`: find videos of a folder by sentences."""

import argparse
from pathlib import Path

from internvideo_pl.commands.command import Command

TOP, WINDOW = 5, 10.0  # videos a sentence; seconds, the length of Kinetics' clips


def arguments(parser: argparse.ArgumentParser) -> None:
    """What for, where, and with which model."""
    parser.add_argument("text", nargs="+", help="a sentence, or several, each in quotation marks")
    parser.add_argument("--videos", required=True, metavar="FOLDER", help="a folder of videos, or a list of them")
    parser.add_argument(
        "--model", required=True, help="a run's folder, a file of weights, the short name of released ones, owner/name"
    )
    parser.add_argument("--top", type=int, default=TOP, metavar="N", help=f"videos a sentence ({TOP})")
    parser.add_argument(
        "--window", type=float, default=WINDOW, metavar="S", help=f"seconds that become one clip ({WINDOW:g})"
    )
    parser.add_argument("--to", metavar="FILE", help="the page of thumbnails (search.html below the results)")
    parser.add_argument("--device", default="cpu", help="where the model works, such as cuda")
    parser.add_argument("--json", action="store_true", help="for scripts: one JSON object")


def call(chosen: argparse.Namespace) -> None:
    """Search."""
    from internvideo_pl.run import search

    search.main(
        chosen.text,
        chosen.videos,
        chosen.model,
        top=chosen.top,
        window=chosen.window,
        to=Path(chosen.to) if chosen.to else None,
        device=chosen.device,
        json=chosen.json,
    )


COMMAND = Command("find videos of a folder by sentences", arguments, call)
