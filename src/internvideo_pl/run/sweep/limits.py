"""How much of a sweep is run."""

from dataclasses import dataclass

from internvideo_pl.errors import UserError
from internvideo_pl.run.sweep.document import TRIALS, Sweep


@dataclass(frozen=True)
class Limits:
    """When to start no more trials.

    Attributes:
        trials: How many there are at most, those of earlier starts included; None for the file's own limit.
        hours: Wall time of this start, after which running trials save and end.
        gpu_hours: Of all trials, those of earlier starts included; likewise.
    """

    trials: int | None = None
    hours: float | None = None
    gpu_hours: float | None = None

    def __post_init__(self) -> None:
        """Refuses limits under which nothing could run.

        Raises:
            UserError: One is not positive.
        """
        for name in ("trials", "hours", "gpu_hours"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"{name.upper()}={value} must be positive")

    def most(self, sweep: Sweep) -> int:
        """Trials at most; a grid has no more than its points."""
        most = self.trials or sweep.run_cap or (sweep.grid_size() if sweep.method == "grid" else TRIALS)
        return min(most, sweep.grid_size()) if sweep.method == "grid" else most
