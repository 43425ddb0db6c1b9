"""`plan`: what an experiment will take, before anything is rented."""

import argparse

from internvideo_pl.commands.command import Command
from internvideo_pl.folders import require_experiment


def arguments(parser: argparse.ArgumentParser) -> None:
    """The experiment and the machine that it is planned for."""
    parser.add_argument("name", help="the experiment: path of its YAML below experiments/, without .yaml")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes a key; ~key takes one away")
    parser.add_argument("--mini", action="store_true", help="plan the miniature and the tiny size")
    parser.add_argument("--data", metavar="FOLDER", help="folder of real videos or of the datasets")
    parser.add_argument("--gpus", type=int, metavar="N", help="devices a machine")
    parser.add_argument("--nodes", type=int, metavar="N", help="machines")
    parser.add_argument(
        "--gpu", metavar="NAME", help="such as h200 or a100; left out, a short probe measures this machine"
    )
    parser.add_argument("--mfu", type=float, metavar="SHARE", help="share of the GPU's peak to assume (0.3)")
    parser.add_argument("--price", type=float, metavar="P", help="of a device hour, for the cost")


def call(chosen: argparse.Namespace) -> None:
    """Print the plan."""
    require_experiment(chosen.name)
    from internvideo_pl.run import plan

    overrides = list(chosen.overrides)
    overrides += [f"trainer.devices={chosen.gpus}"] if chosen.gpus is not None else []
    overrides += [f"trainer.num_nodes={chosen.nodes}"] if chosen.nodes is not None else []
    plan.main(chosen.name, overrides, chosen.mini, chosen.gpu, chosen.mfu, chosen.price, chosen.data)


COMMAND = Command("steps, memory, hours and energy of an experiment before it runs", arguments, call)
