"""What a run costs: wall time, device hours, energy and carbon dioxide, measured while it runs."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning as L
import torch

from internvideo_pl.callbacks.energy import JOULES_PER_KWH, Meter, meters
from internvideo_pl.errors import UserError, hint
from internvideo_pl.whole_file import write_whole

READ_EVERY = 60.0  # seconds; a RAPL counter starts anew after some ten minutes at the earliest

# Grams of CO2-equivalent a kWh of electricity, 2023, life cycle. Up to Ireland: Ember and Energy Institute as Our World
# in Data shows them (carbon-intensity-electricity); from Italy on: Ember's yearly data as The Green Web Foundation's
# CO2.js carries them (average intensities); the world's from Ember's Global Electricity Review 2024.
GRAMS_PER_KWH = {
    "world": 480,
    "australia": 549,
    "austria": 111,
    "brazil": 98,
    "canada": 170,
    "china": 582,
    "denmark": 152,
    "finland": 79,
    "france": 56,
    "germany": 381,
    "india": 713,
    "ireland": 291,
    "italy": 331,
    "japan": 494,
    "netherlands": 268,
    "norway": 30,
    "poland": 662,
    "singapore": 471,
    "south_korea": 432,
    "spain": 174,
    "sweden": 41,
    "switzerland": 35,
    "taiwan": 644,
    "united_kingdom": 228,
    "united_states": 369,
    "european_union": 244,
}


@dataclass(kw_only=True)
class CostConfig:
    """How energy becomes carbon dioxide.

    Attributes:
        region: Whose electricity, a row of the table of factors.
        grams_per_kwh: The factor itself, such as a data centre's own; stands above `region`.
    """

    region: str = "world"
    grams_per_kwh: float | None = None

    def __post_init__(self) -> None:
        """Refuses a region that has no factor.

        Raises:
            UserError: The region is unknown, or the factor negative.
        """
        if self.region not in GRAMS_PER_KWH:
            raise UserError(
                f"cost.region={self.region!r} has no factor; name one of {', '.join(GRAMS_PER_KWH)}, or give "
                f"cost.grams_per_kwh.{hint(self.region, GRAMS_PER_KWH)}"
            )
        if self.grams_per_kwh is not None and self.grams_per_kwh < 0:
            raise UserError(f"cost.grams_per_kwh={self.grams_per_kwh} must not be negative")

    @property
    def factor(self) -> float:
        """Grams of CO2-equivalent a kWh."""
        return float(GRAMS_PER_KWH[self.region] if self.grams_per_kwh is None else self.grams_per_kwh)


@dataclass(frozen=True)
class Cost:
    """What a run cost so far, over all its processes and all its starts.

    Attributes:
        seconds: Wall time.
        gpu_hours: Hours times GPUs; 0 on a CPU.
        kwh: Energy.
        kwh_source: How it was measured, or that it is an estimate.
        kg_co2: Carbon dioxide equivalent.
    """

    seconds: float
    gpu_hours: float
    kwh: float
    kwh_source: str
    kg_co2: float


class CostMeter(L.Callback):
    """Measures a run and keeps the sum in `cost.json`, so that a run which was killed and resumed counts whole.

    Args:
        config: Carbon dioxide a kWh.
        folder: The run's folder.
    """

    def __init__(self, config: CostConfig, folder: Path):
        self.config = config
        self.path = folder / "cost.json"
        self.before = _earlier(self.path)
        self.started = time.monotonic()
        self.meters: Sequence[Meter] = ()
        self.last = self.started

    @property
    def seconds(self) -> float:
        """Wall time of all starts so far."""
        return time.monotonic() - self.started + (self.before.seconds if self.before else 0.0)

    def setup(self, trainer: L.Trainer, module: L.LightningModule, stage: str) -> None:
        """Find the meters, once."""
        if not self.meters:
            self.meters = meters(trainer.strategy.root_device, trainer.local_rank == 0)

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Read the counters before they start anew; a process that is alone keeps what it read."""
        now = time.monotonic()
        if now - self.last >= READ_EVERY:
            self.last = now
            for meter in self.meters:
                meter.read()
            if trainer.world_size == 1:
                self._keep(self.read(trainer))

    def on_save_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """What a run costs up to a checkpoint is kept with it."""
        self.keep(trainer)

    def read(self, trainer: L.Trainer) -> Cost:
        """The cost so far; every process has to call it, for their energies are summed."""
        seconds = time.monotonic() - self.started
        joules = torch.tensor(sum(meter.read() for meter in self.meters), dtype=torch.float64)
        if trainer.world_size > 1:
            joules = trainer.strategy.reduce(joules.float().to(trainer.strategy.root_device), reduce_op="sum")
        kwh = float(joules) / JOULES_PER_KWH
        on_gpu = trainer.strategy.root_device.type == "cuda"
        earlier = self.before
        return Cost(
            seconds=self.seconds,
            gpu_hours=(seconds / 3600 * trainer.world_size if on_gpu else 0.0)
            + (earlier.gpu_hours if earlier else 0.0),
            kwh=kwh + (earlier.kwh if earlier else 0.0),
            kwh_source=", ".join(dict.fromkeys(meter.source for meter in self.meters)) or "measured by other processes",
            kg_co2=kwh * self.config.factor / 1000 + (earlier.kg_co2 if earlier else 0.0),
        )

    def keep(self, trainer: L.Trainer) -> Cost:
        """Read the cost and write it down; every process has to call it."""
        cost = self.read(trainer)
        if trainer.is_global_zero:
            self._keep(cost)
        return cost

    def _keep(self, cost: Cost) -> None:
        write_whole(self.path, json.dumps(asdict(cost), indent=2) + "\n")


def _earlier(path: Path) -> Cost | None:
    """What earlier starts of the same run cost; None for the first, or where the note is damaged."""
    try:
        return Cost(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
