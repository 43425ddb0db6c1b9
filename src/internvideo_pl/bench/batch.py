"""How many samples a step of a bench has: few on a processor's cores, as many as fit on a GPU."""

import gc
from collections.abc import Callable, Iterable

import torch

from internvideo_pl.bench.timing import Step
from internvideo_pl.errors import UserError

MOST = 512  # samples; a GPU is busy long before


def largest_batch(fits: Callable[[int], bool], most: int = MOST) -> int:
    """The largest power of two that fits, found by doubling.

    Args:
        fits: Whether so many samples do.
        most: Where the search ends.

    Raises:
        UserError: Not even one sample fits.
    """
    if not fits(1):
        raise UserError("not even one sample of a step fits into the GPU's memory: end what else runs there")
    batch = 1
    while 2 * batch <= most and fits(2 * batch):
        batch *= 2
    return batch


def all_fit(builds: Iterable[Callable[[], Step]]) -> bool:
    """Whether contenders can be in the GPU's memory together, as they are in a race, and run a step in turn."""
    ran = _tried(builds)
    release()
    return ran


def release() -> None:
    """Hands the GPU's memory that nothing uses back to the driver, for other processes."""
    gc.collect()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _tried(builds: Iterable[Callable[[], Step]]) -> bool:
    try:
        steps = [build() for build in builds]
        for step in steps + steps:  # the first step of training allocates the optimiser's state, the second peaks
            step()
    except torch.OutOfMemoryError:
        return False
    return True
