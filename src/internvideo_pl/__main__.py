"""The command line, `internvideo` or `python -m internvideo_pl`.

Nothing heavy is imported before a command needs it, so `--help` answers at once. What a person did wrong is one
sentence on stderr and exit code 2; an error of the program itself keeps its traceback.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from internvideo_pl.commands import COMMANDS
from internvideo_pl.commands.command import Command
from internvideo_pl.errors import Interrupted, RunFailed, UserError, hint


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, 1 for a run that failed, 2 for a mistake in the input, 128 and the
    signal's number when a signal stopped it (130 after Ctrl-C).
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        command, chosen = _parse(arguments)
        command.call(chosen)
        sys.stdout.flush()
    except UserError as error:
        print(f"internvideo: {error}", file=sys.stderr)
        return 2
    except RunFailed as error:
        print(f"internvideo: {error}", file=sys.stderr)
        return 1
    except Interrupted as stop:
        print(f"internvideo: {stop}", file=sys.stderr)
        return stop.code
    except KeyboardInterrupt:
        print("internvideo: interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see `{self.prog} --help`.")


def _parse(arguments: list[str]) -> tuple[Command, argparse.Namespace]:
    words = "\n".join(f"  {word:<12}{command.summary}" for word, command in COMMANDS.items())
    parser = _Parser(
        prog="internvideo",
        description="InternVideo (arXiv 2212.03191), trained, evaluated, compared.",
        epilog=f"commands:\n{words}\n\n`internvideo COMMAND --help` says more about one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", help="one of the commands below")
    word = parser.parse_args(arguments[:1]).command
    if word not in COMMANDS:
        raise UserError(f"There is no command {word!r}.{hint(word, COMMANDS)}")
    command = COMMANDS[word]
    own = _Parser(prog=f"internvideo {word}", description=command.summary, allow_abbrev=False)
    command.arguments(own)
    return command, own.parse_intermixed_args(arguments[1:])  # options may stand between the key=value arguments


if __name__ == "__main__":
    sys.exit(main())
