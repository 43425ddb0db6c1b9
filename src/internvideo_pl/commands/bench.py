"""`bench`: ours beside public code, measured in one run."""

import argparse
from pathlib import Path

from internvideo_pl.bench import BENCHES, Options
from internvideo_pl.commands.command import Command
from internvideo_pl.errors import UserError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which benches, how thoroughly, and where the tables go."""
    known = "; ".join(f"{name}: {bench.summary}" for name, bench in BENCHES.items())
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which ones, all when none is named ({known})")
    parser.add_argument("--all", action="store_true", help="also what takes long or much memory")
    parser.add_argument("--rounds", type=int, default=Options.rounds, metavar="N", help="timings of each contender")
    parser.add_argument("--videos", type=Path, metavar="FOLDER", help="own clips to decode as well")
    parser.add_argument("--markdown", action="store_true", help="write the tables into their page of docs/")


def call(chosen: argparse.Namespace) -> None:
    """Measure and print."""
    if chosen.rounds < 1:
        raise UserError(f"--rounds {chosen.rounds} measures nothing: choose at least 1.")
    from internvideo_pl.bench.report import run_benches

    names = [name for word in chosen.names for name in word.split(",") if name]
    run_benches(names, Options(everything=chosen.all, rounds=chosen.rounds, videos=chosen.videos), chosen.markdown)


COMMAND = Command("measure ours beside public code, in one run", arguments, call)
