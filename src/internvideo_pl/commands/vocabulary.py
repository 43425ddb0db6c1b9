"""`vocabulary`: download and check CLIP's vocabulary file."""

import argparse

from internvideo_pl.commands.command import Command


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def call(chosen: argparse.Namespace) -> None:
    """Fetch it if it is gone, and print where it is."""
    from internvideo_pl.text.vocabulary import fetch_vocabulary

    print(f"CLIP's vocabulary is at {fetch_vocabulary()}")


COMMAND = Command("download and check CLIP's vocabulary file", arguments, call)
