"""The words of the command line, one file each; importing them is light."""

from internvideo_pl.commands import list as list_experiments
from internvideo_pl.commands import mini, run, vocabulary

COMMANDS = {
    "run": run.COMMAND,
    "list": list_experiments.COMMAND,
    "mini": mini.COMMAND,
    "vocabulary": vocabulary.COMMAND,
}
