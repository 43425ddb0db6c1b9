"""`run`: train and evaluate one experiment."""

import argparse

from internvideo_pl.commands.command import Command
from internvideo_pl.errors import UserError
from internvideo_pl.folders import require_experiment


def arguments(parser: argparse.ArgumentParser) -> None:
    """The experiment, what to change in it, and on what to run it."""
    parser.add_argument("name", nargs="?", help="the experiment: path of its YAML below experiments/, without .yaml")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes a key; ~key takes one away")
    parser.add_argument("--mini", action="store_true", help="use the miniature and the tiny size")
    parser.add_argument("--data", metavar="FOLDER", help="folder of real videos or of the datasets")
    parser.add_argument("--gpus", type=int, metavar="N", help="devices a machine")
    parser.add_argument("--nodes", type=int, metavar="N", help="machines")
    parser.add_argument("--node-rank", type=int, metavar="N", help="number of this machine, from 0 (NODE_RANK)")
    parser.add_argument("--master", metavar="HOST[:PORT]", help="machine 0, where several machines meet (MASTER)")
    parser.add_argument("--fresh", action="store_true", help="start anew where an unfinished run could be continued")


def call(chosen: argparse.Namespace) -> None:
    """Hand the experiment to the composition root."""
    if chosen.name is None:
        raise UserError("Which experiment? Name one, as in `internvideo run demo` (`internvideo list` prints all).")
    require_experiment(chosen.name)  # before the heavy imports, so that a mistyped name is answered at once
    from internvideo_pl import run
    from internvideo_pl.run.launch import Meeting

    meeting = Meeting.of(chosen.node_rank, chosen.master)
    run.main(chosen.name, overrides_of(chosen), mini=chosen.mini, data=chosen.data, meeting=meeting)


def overrides_of(chosen: argparse.Namespace) -> list[str]:
    """The `key=value` arguments, with those that the options stand for."""
    overrides = list(chosen.overrides)
    if chosen.gpus is not None:
        overrides += ["trainer.accelerator=gpu", f"trainer.devices={chosen.gpus}"]
    if chosen.nodes is not None:
        overrides.append(f"trainer.num_nodes={chosen.nodes}")
    if chosen.fresh:
        overrides.append("trainer.resume=false")
    return overrides


COMMAND = Command("train and evaluate one experiment", arguments, call)
