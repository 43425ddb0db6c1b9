"""How many processor cores there are to share out."""

import os


def usable_cores() -> int:
    """Cores that this process may use: on Linux those of its affinity, elsewhere all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
