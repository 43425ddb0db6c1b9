"""The words of the command line, one file each; importing them is light."""

from internvideo_pl.commands import (
    bench,
    card,
    claims,
    doctor,
    mini,
    plan,
    run,
    search,
    shard,
    slurm,
    sweep,
    table,
    vocabulary,
    weights,
)
from internvideo_pl.commands import list as list_experiments

COMMANDS = {
    "run": run.COMMAND,
    "slurm": slurm.COMMAND,
    "list": list_experiments.COMMAND,
    "plan": plan.COMMAND,
    "table": table.COMMAND,
    "claims": claims.COMMAND,
    "sweep": sweep.COMMAND,
    "doctor": doctor.COMMAND,
    "bench": bench.COMMAND,
    "shard": shard.COMMAND,
    "mini": mini.COMMAND,
    "weights": weights.COMMAND,
    "card": card.COMMAND,
    "search": search.COMMAND,
    "vocabulary": vocabulary.COMMAND,
}
