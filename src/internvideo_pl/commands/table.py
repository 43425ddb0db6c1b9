"""`table`: the paper's tables with our rows in them."""

import argparse

from internvideo_pl.commands.command import Command


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which table."""
    parser.add_argument(
        "which",
        nargs="?",
        default="all",
        help="1 to 7, open_set, navigation, overview, cost; or all (the default), written to results/tables/",
    )
    parser.add_argument("--wandb", metavar="MODE", help="with all: offline (the default), online or disabled")


def call(chosen: argparse.Namespace) -> None:
    """Print or write it."""
    from internvideo_pl.run import tables

    tables.main(chosen.which, chosen.wandb)


COMMAND = Command("the paper's tables with our rows in them", arguments, call)
