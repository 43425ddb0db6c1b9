"""`list`: every experiment at a glance."""

import argparse

from internvideo_pl.commands.command import Command


def arguments(parser: argparse.ArgumentParser) -> None:
    """How to print it."""
    parser.add_argument("--json", action="store_true", help="for scripts: one JSON list")


def call(chosen: argparse.Namespace) -> None:
    """Print the list."""
    from internvideo_pl.run import listing

    listing.main(json=chosen.json)


COMMAND = Command("every experiment: task, the paper's number, ours, whether its data is here", arguments, call)
