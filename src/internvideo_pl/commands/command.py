"""What a command of the command line is made of."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One word of the command line: its line in the help, its arguments, and what it does.

    Attributes:
        summary: One line for the help.
        arguments: Adds the command's arguments to a parser.
        call: Does it; what is heavy is imported here, so that `--help` answers at once.
    """

    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    call: Callable[[argparse.Namespace], None]
