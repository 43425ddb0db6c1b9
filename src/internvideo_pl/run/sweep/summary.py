"""What a sweep leaves in its folder: its trials as a table, two pictures, and the best configuration."""

import math
from collections.abc import Sequence
from pathlib import Path

from internvideo_pl.folders import experiments_folder
from internvideo_pl.run.sweep.best import write_best
from internvideo_pl.run.sweep.document import Sweep
from internvideo_pl.run.sweep.sampler import importance
from internvideo_pl.run.sweep.trial import Trial
from internvideo_pl.tables.drawing import to_png, to_svg
from internvideo_pl.tables.render import print_table, to_csv, to_markdown
from internvideo_pl.tables.sweep_figures import Point, importance_bars, parallel_coordinates
from internvideo_pl.tables.table import Cell, Column, Table, number

TABLE = "trials"
PICTURES = ("parallel", "importance")
WORTH_A_FILE = 2  # trials that must have ended before one is called the best


def best_trial(sweep: Sweep, trials: Sequence[Trial]) -> Trial | None:
    """The trial with the best metric of those that came to their end; None where there is none."""
    done = [trial for trial in trials if trial.state == "done" and math.isfinite(trial.value)]
    pick = max if sweep.maximize else min
    return pick(done, key=lambda trial: trial.value) if done else None


def summarize(sweep: Sweep, trials: Sequence[Trial], folder: Path, overrides: Sequence[str] = ()) -> None:
    """Print the table, and write table, pictures and the best configuration.

    Args:
        sweep: The sweep.
        trials: All that it has.
        folder: Where table and pictures go.
        overrides: What every trial got besides, from the command line.
    """
    best = best_trial(sweep, trials)
    table = trial_table(sweep, trials, best)
    print_table(table)
    (folder / f"{TABLE}.md").write_text(to_markdown(table), encoding="utf-8")
    (folder / f"{TABLE}.csv").write_text(to_csv(table), encoding="utf-8")
    varied = [parameter for parameter in sweep.parameters if not parameter.fixed]
    done = [trial for trial in trials if trial.ended]
    points = [Point({p.name: trial.values[p.name] for p in varied}, trial.value) for trial in done]
    ratios = [parameter.name for parameter in varied if parameter.logarithmic]
    drawings = {
        "parallel": parallel_coordinates(points, ratios, sweep.metric, sweep.maximize),
        "importance": importance_bars(importance(sweep, trials), sweep.metric, len(done)),
    }
    for name, drawing in drawings.items():
        (folder / f"{name}.svg").write_text(to_svg(drawing), encoding="utf-8")
        (folder / f"{name}.png").write_bytes(to_png(drawing))
    print(f"table and pictures: {folder}")
    if best is not None and len(done) >= WORTH_A_FILE:
        name = write_best(sweep, best, experiments_folder(), overrides)
        print(f"the best as an experiment: make experiment NAME={name}{' MINI=1' if sweep.mini else ''}")


def trial_table(sweep: Sweep, trials: Sequence[Trial], best: Trial | None) -> Table:
    """One line a trial, the best first."""
    order = sorted(
        trials, key=lambda t: (not math.isfinite(t.value), -t.value if sweep.maximize else t.value, t.number)
    )
    lines = [
        [
            Cell(str(trial.number), raw=trial.number),
            *(_value(trial.values[p.name]) for p in sweep.parameters),
            _metric(trial, trial is best),
            Cell(trial.state, tone={"done": "good", "failed": "bad"}.get(trial.state, "muted")),
            number(trial.seconds, digits=0),
            number(trial.gpu_hours, digits=2),
        ]
        for trial in order
    ]
    heads = [
        Column("trial", number=True),
        *(Column(parameter.name, number=True) for parameter in sweep.parameters),
        Column(sweep.metric, number=True),
        Column("state"),
        Column("seconds", number=True),
        Column("GPU hours", number=True),
    ]
    notes = [f"trial {trial.number} failed: {trial.note}" for trial in trials if trial.state == "failed"]
    if any(trial.state == "done" for trial in trials):
        notes.append(
            "The best of several trials on the same videos is flattered by the choice: run it again with other seeds "
            "before it is compared with anything."
        )
    return Table(
        f"Sweep {sweep.name}{' in miniature' if sweep.mini else ''} over {sweep.experiment}", heads, lines, notes
    )


def _value(value: object) -> Cell:
    raw = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return Cell(f"{value:.4g}" if isinstance(value, float) else str(value), raw=raw)


def _metric(trial: Trial, best: bool) -> Cell:
    if not math.isfinite(trial.value):
        return number(None)
    return Cell(f"{trial.value:.4g}", raw=trial.value, best=best)
