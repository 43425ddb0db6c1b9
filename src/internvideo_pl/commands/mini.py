"""`mini`: make a miniature data set in its official layout."""

import argparse

from internvideo_pl.commands.command import Command


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which one, and how large."""
    parser.add_argument("name", help="the data set, such as kinetics400")
    parser.add_argument("settings", nargs="*", metavar="key=value", help="sizes that differ from the defaults")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same files, byte for byte")


def call(chosen: argparse.Namespace) -> None:
    """Make it, and print where it is."""
    from internvideo_pl.data.mini.command import mini_command
    from internvideo_pl.folders import cache_folder

    print(mini_command(chosen.name, chosen.settings, cache_folder() / "mini", chosen.seed))


COMMAND = Command("make a miniature data set in its official layout", arguments, call)
