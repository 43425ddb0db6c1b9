"""What of this machine each of the trials side by side gets: its GPUs, and a share of the cores."""

import os

from internvideo_pl.cores import usable_cores
from internvideo_pl.errors import UserError


class Shares:
    """This machine's GPUs and cores, in parts of the same size.

    Args:
        jobs: Trials (or agents) at a time.
        gpus: GPUs of each; None for an equal share of those here.
        most: GPUs that a trial can use; None for any number.

    Attributes:
        each: GPUs of a trial; 0 where there are none.
        threads: Of a trial, where the environment does not say.

    Raises:
        UserError: There are not so many.
    """

    def __init__(self, jobs: int, gpus: int | None = None, most: int | None = None):
        if gpus is not None and gpus < 1:
            raise UserError(f"GPUS={gpus} must be at least 1; leave it out for what is here")
        self.visible = _visible_gpus()
        if gpus is not None and gpus * jobs > len(self.visible):
            raise UserError(f"JOBS={jobs} trials on GPUS={gpus} each want {jobs * gpus}, {len(self.visible)} are here")
        equal = max(len(self.visible) // jobs, 1) if self.visible else 0
        self.each = gpus or min(equal, equal if most is None else most)
        self.threads = max(usable_cores() // jobs, 1)

    def environment(self, place: int) -> dict[str, str]:
        """What the process at a place, from 0, finds in its environment."""
        found = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(self.threads))}  # who shares it knows best
        if self.each:
            mine = [self.visible[(place * self.each + i) % len(self.visible)] for i in range(self.each)]
            found["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
        return found


def _visible_gpus() -> list[str]:
    """Names of the GPUs that trials may be given, as CUDA has them."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    return named.split(",")[:count] if named else [str(i) for i in range(count)]
