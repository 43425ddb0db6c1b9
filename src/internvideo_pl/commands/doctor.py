"""`doctor`: check data, weights, disk and devices before a GPU is touched."""

import argparse

from internvideo_pl.commands import run
from internvideo_pl.commands.command import Command
from internvideo_pl.errors import UserError
from internvideo_pl.folders import require_experiment

SAMPLE = 200  # files that are decoded unless asked otherwise: a minute of ten-second 720p clips on two cores


def arguments(parser: argparse.ArgumentParser) -> None:
    """The same as of `run`, and how thorough to be."""
    run.arguments(parser)
    parser.add_argument("--full", action="store_true", help="decode every file, not a sample; compare all for copies")
    parser.add_argument(
        "--sample", type=int, default=SAMPLE, metavar="N", help=f"files of a dataset to decode ({SAMPLE})"
    )
    parser.add_argument("--json", action="store_true", help="for scripts: one JSON object")


def call(chosen: argparse.Namespace) -> None:
    """Hand the experiment to the doctor."""
    if chosen.name is None:
        raise UserError("Which experiment? Name one, as in `internvideo doctor demo` (`internvideo list` prints all).")
    require_experiment(chosen.name)  # before the heavy imports, so that a mistyped name is answered at once
    from internvideo_pl.run import doctor

    doctor.main(
        chosen.name,
        run.overrides_of(chosen),
        mini=chosen.mini,
        data=chosen.data,
        sample=chosen.sample,
        full=chosen.full,
        json=chosen.json,
    )


COMMAND = Command("check data, weights, disk and devices before a run", arguments, call)
