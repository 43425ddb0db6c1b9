"""The command line, `internvideo` or `python -m internvideo_pl`.

Nothing heavy is imported before a command needs it, so `--help` answers at once. What a person did wrong is one
sentence on stderr and exit code 2; an error of the program itself keeps its traceback.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from internvideo_pl.errors import UserError, hint
from internvideo_pl.folders import require_experiment


@dataclass(frozen=True)
class Command:
    """One word of the command line: its line in the help, its arguments, and what it does."""

    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    call: Callable[[argparse.Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, 2 for a mistake in the input, 130 when interrupted."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        command, chosen = _parse(arguments)
        command.call(chosen)
        sys.stdout.flush()
    except UserError as error:
        print(f"internvideo: {error}", file=sys.stderr)
        return 2
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


def _run_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="the experiment: path of its YAML below experiments/, without .yaml")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes a key; ~key takes one away")
    parser.add_argument("--mini", action="store_true", help="use the miniature and the tiny size")
    parser.add_argument("--data", metavar="FOLDER", help="folder of real videos or of the datasets")
    parser.add_argument("--gpus", type=int, metavar="N", help="devices a machine")
    parser.add_argument("--nodes", type=int, metavar="N", help="machines")


def _run(chosen: argparse.Namespace) -> None:
    if chosen.name is None:
        raise UserError("Which experiment? Name one, as in `internvideo run demo` (`internvideo list` prints all).")
    require_experiment(chosen.name)  # before the heavy imports, so that a mistyped name is answered at once
    from internvideo_pl import run

    overrides = list(chosen.overrides)
    if chosen.gpus is not None:
        overrides += ["trainer.accelerator=gpu", f"trainer.devices={chosen.gpus}"]
    if chosen.nodes is not None:
        overrides.append(f"trainer.num_nodes={chosen.nodes}")
    run.main(chosen.name, overrides, mini=chosen.mini, data=chosen.data)


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for scripts: one JSON list")


def _list(chosen: argparse.Namespace) -> None:
    from internvideo_pl.run import listing

    listing.main(json=chosen.json)


def _mini_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="the data set, such as kinetics400")
    parser.add_argument("settings", nargs="*", metavar="key=value", help="sizes that differ from the defaults")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same files, byte for byte")


def _mini(chosen: argparse.Namespace) -> None:
    from internvideo_pl.data.mini.command import mini_command
    from internvideo_pl.folders import cache_folder

    print(mini_command(chosen.name, chosen.settings, cache_folder() / "mini", chosen.seed))


def _no_arguments(parser: argparse.ArgumentParser) -> None:
    """For a command that takes none."""


def _vocabulary(chosen: argparse.Namespace) -> None:
    from internvideo_pl.text.vocabulary import fetch_vocabulary

    print(f"CLIP's vocabulary is at {fetch_vocabulary()}")


COMMANDS = {
    "run": Command("train and evaluate one experiment", _run_arguments, _run),
    "list": Command(
        "every experiment: task, the paper's number, ours, whether its data is here", _list_arguments, _list
    ),
    "mini": Command("make a miniature data set in its official layout", _mini_arguments, _mini),
    "vocabulary": Command("download and check CLIP's vocabulary file", _no_arguments, _vocabulary),
}

if __name__ == "__main__":
    sys.exit(main())
