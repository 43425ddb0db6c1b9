"""A pipeline as one trial of a Weights & Biases server: stages have runs of their own, the agent's has the result."""

import os
from collections.abc import Sequence

from internvideo_pl.run.finished import Finished


def report_to_agent(finished: Sequence[Finished]) -> None:
    """Log the last stage's metrics in the run that an agent waits for; nothing where no agent started us."""
    if "WANDB_SWEEP_ID" not in os.environ:
        return
    import wandb

    with wandb.init() as run:  # the agent's environment says which run it is
        for row in finished[-1].rows[:1]:  # of the trained model, and not of what it is compared with
            run.log({f"test/{name}": value for name, value in row.metrics.items()})
