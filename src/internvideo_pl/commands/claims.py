"""`claims`: the paper's claims re-tested in miniature, with seeds and intervals."""

import argparse

from internvideo_pl.commands.command import Command


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which claims, with how many seeds."""
    parser.add_argument("only", nargs="*", metavar="CLAIM", help="names of claims (all); docs/claims.md lists them")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="seeds 0 to N - 1 of every experiment (3)")
    parser.add_argument("--show", action="store_true", help="run nothing, judge the runs that are there")


def call(chosen: argparse.Namespace) -> None:
    """Run what is missing, then judge."""
    from internvideo_pl.run import claims

    claims.main(chosen.only, chosen.seeds, run=not chosen.show)


COMMAND = Command("re-test the paper's claims in miniature", arguments, call)
