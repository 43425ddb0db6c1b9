"""`card`: the model card of a run or of weights, and the folder that can be shared."""

import argparse
from pathlib import Path

from internvideo_pl.commands.command import Command


def arguments(parser: argparse.ArgumentParser) -> None:
    """Of which model, and whether to save it."""
    parser.add_argument("source", help="a run's folder, a file of weights, the short name of released ones, owner/name")
    parser.add_argument("target", nargs="?", help="a new folder for card, config.json and model.safetensors")
    parser.add_argument("--licence", default="", metavar="WORD", help="of the weights, such as apache-2.0")


def call(chosen: argparse.Namespace) -> None:
    """Print the card, or save the model with it."""
    from internvideo_pl.run import card

    card.main(chosen.source, Path(chosen.target) if chosen.target else None, chosen.licence)


COMMAND = Command("print the model card of a run or of weights, or save both for sharing", arguments, call)
