"""The row that a run adds to the tables, written as soon as its test is over."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import lightning as L
import torch

from internvideo_pl.callbacks.cost import Cost, CostMeter
from internvideo_pl.callbacks.pictures import Preview
from internvideo_pl.callbacks.shown import draw, log_preview
from internvideo_pl.modules.base import Outcome, VideoModule
from internvideo_pl.tables.benchmark import benchmark_table
from internvideo_pl.tables.histogram import histogram
from internvideo_pl.tables.provenance import code_version, library_versions
from internvideo_pl.tables.row import Coverage, Row, write_row
from internvideo_pl.whole_file import write_whole


@dataclass(frozen=True)
class RunFacts:
    """What a row says of its run besides the numbers.

    Attributes:
        experiment: Its name.
        benchmark: The paper's benchmark, or None.
        model: What is evaluated, in words.
        mini: Whether the data are the miniature.
        parents: SHA-256 of each file of weights that the run started from.
        config_hash: Of the resolved config.
        seed: The run's.
        recipe: As `config_hash`, without the seed.
    """

    experiment: str
    benchmark: str | None
    model: str
    mini: bool
    parents: dict[str, str]
    config_hash: str
    seed: int
    recipe: str


class BenchmarkTable(L.Callback):
    """Writes one row for each outcome of the test and hands them to the loggers as a table.

    Args:
        facts: What the rows say of the run.
        folder: The run's folder.
        meter: Measures the run's cost.
    """

    def __init__(self, facts: RunFacts, folder: Path, meter: CostMeter):
        self.facts = facts
        self.folder = folder
        self.meter = meter
        self.rows: list[Row] = []
        self.previews: list[Preview] = []

    def on_test_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Write and log the rows."""
        assert isinstance(module, VideoModule)
        cost = self.meter.keep(trainer)  # on every process, for their energies are summed
        if not trainer.is_global_zero:
            return
        logged = set[str]()
        for outcome in module.outcomes:
            row = self._row(outcome, trainer, cost)
            write_row(row, self.folder)
            self._keep_beside(outcome, trainer)
            self.rows.append(row)
            step = max(trainer.global_step - 1, 0)  # the last one that was taken
            prefix = "test" if logged.isdisjoint(row.metrics) else f"test/{row.model}"  # of another agent, say
            logged.update(row.metrics)
            for logger in trainer.loggers:
                logger.log_metrics({f"{prefix}/{name}": value for name, value in row.metrics.items()}, step)
        self._log(trainer)

    def _row(self, outcome: Outcome, trainer: L.Trainer, cost: Cost) -> Row:
        on_gpu = trainer.strategy.root_device.type == "cuda"
        return Row(
            **(vars(self.facts) | ({"model": outcome.model} if outcome.model else {})),
            **vars(cost),
            task=outcome.task,
            metrics=outcome.metrics,
            headline=outcome.headline,
            chance=outcome.chance,
            intervals=outcome.intervals,
            protocol=outcome.protocol,
            coverage=Coverage(outcome.used, outcome.official, tuple(outcome.missing)),
            code_version=code_version(),
            devices=_devices(trainer, on_gpu),
            versions=library_versions(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _keep_beside(self, outcome: Outcome, trainer: L.Trainer) -> None:
        """Write what the outcome has beside its row, each file whole or not at all, and log the drawings."""
        for name, text in outcome.files.items():
            write_whole(self.folder / name, text)
        for name, groups in outcome.histograms.items():
            drawing = histogram(groups, name)
            preview = Preview(draw(drawing, self.folder / f"{name}.svg"), f"{drawing.alt}.")
            self.previews.append(preview)
            log_preview(preview, trainer)

    def _log(self, trainer: L.Trainer) -> None:
        table = benchmark_table(self.rows, self.facts.experiment, all_metrics=True)
        heads = [column.name for column in table.columns]
        cells = [[cell.text for cell in row] for row in table.rows]
        for logger in trainer.loggers:
            if hasattr(logger, "log_table"):
                logger.log_table("benchmark", columns=heads, data=cells)


def _devices(trainer: L.Trainer, on_gpu: bool) -> str:
    """Words for the hardware."""
    if on_gpu:
        return f"{trainer.world_size} x {torch.cuda.get_device_name(trainer.strategy.root_device)}"
    return f"{trainer.world_size} CPU process, {torch.get_num_threads()} threads"
