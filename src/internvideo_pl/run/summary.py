"""What a person sees at the end of a run: the table, the unreadable videos, and the report page."""

from pathlib import Path

from internvideo_pl.config import Experiment
from internvideo_pl.run.finished import Finished
from internvideo_pl.run.mixture import mixture_table
from internvideo_pl.tables.benchmark import benchmark_table, metric_words, sampling_error
from internvideo_pl.tables.curves import Curve, loss_curves
from internvideo_pl.tables.provenance import code_version, library_versions
from internvideo_pl.tables.render import print_table, to_csv, to_markdown
from internvideo_pl.tables.report import write_report
from internvideo_pl.tables.retrieval import retrieval_table
from internvideo_pl.tables.row import Row
from internvideo_pl.tables.safe_svg import safe_svg
from internvideo_pl.tables.sections import (
    Card,
    CardsSection,
    CurvesSection,
    FactsSection,
    Picture,
    PictureSection,
    Section,
    TableSection,
    TextSection,
)
from internvideo_pl.tables.table import Table
from internvideo_pl.tables.verdict import against_chance, best

CONTROL = "_control"  # ending of an experiment that is the control of the one without it


def summarize(plan: Experiment, finished: list[Finished], folder: Path) -> None:
    """Print the table and write `table.md`, `table.csv` and `report.html` into the run's folder."""
    rows = [row for run in finished for row in run.rows]
    table = benchmark_table(rows, plan.name, notes=_verdicts(rows), all_metrics=True)
    print_table(table)
    if (figures := retrieval_table(rows)) is not None:
        print_table(figures)
    for run in finished:
        if (drawn := mixture_table(run.folder)) is not None:
            print_table(drawn)
    tables = [to_markdown(table), *([to_markdown(figures)] if figures is not None else [])]
    (folder / "table.md").write_text("\n".join(tables))
    (folder / "table.csv").write_text(to_csv(table))
    for run in finished:
        if run.bad_videos:
            print(f"\n{run.experiment.name}: {run.bad_videos}")
    for run in finished:
        for preview in run.previews:
            print(f"picture: {preview.path}")
    report = write_report(folder / "report.html", plan.name, _sections(plan, finished, table))
    print(f"report:  {report}")


def _verdicts(rows: list[Row]) -> list[str]:
    """What each coordination's figure means beside its control's, where both are there."""
    found = {row.experiment: row for row in rows}
    return [_verdict(row, found[row.experiment + CONTROL]) for row in rows if row.experiment + CONTROL in found]


def _verdict(both: Row, control: Row) -> str:
    gain, error = both.value - control.value, sampling_error(both)
    if abs(gain) < error:
        says = "within sampling error: this run does not show that the second encoder helps"
    else:
        says = f"beyond sampling error: in this run the second encoder {'helps' if gain > 0 else 'does not help'}"
    return (
        "The control trains the same modules on the masked encoder's own tokens, without any second encoder. "
        f"Coordination is {gain:+.1f} points from it, {says}."
    )


def _cards(rows: list[Row]) -> list[Card]:
    """The best figure of each task, beside chance."""
    cards = []
    for task in dict.fromkeys(row.task for row in rows):
        top = next(iter(best([row for row in rows if row.task == task])), None)
        if top is not None:
            chance = against_chance(top, top.headline)
            label = f"{metric_words(top.headline)}: {top.model}"
            guess = f"chance {top.chance[top.headline]:.1f}" if top.headline in top.chance else ""
            cards.append(Card(label, f"{top.value:.1f}", guess, chance.tone))
    return cards


def _sections(plan: Experiment, finished: list[Finished], table: Table) -> list[Section]:
    """The report, from what matters most to what explains it."""
    rows = [row for run in finished for row in run.rows]
    sections: list[Section] = [CardsSection("Summary", _cards(rows)), TableSection("Results", table)]
    if (figures := retrieval_table(rows)) is not None:
        sections.append(TableSection("Retrieval", figures))
    pictures = [
        Picture(shown.path, shown.caption, shown.caption)
        for run in finished
        for shown in run.previews
        if shown.path.suffix != ".svg"
    ]
    if pictures:
        sections.append(PictureSection("What the models see", pictures))
    logs = [(run.experiment.name, run.folder / "metrics.csv") for run in finished if _trained(run.folder)]
    if logs:
        sections.append(CurvesSection("Losses", loss_curves(logs)))
    if drawings := [curve for run in finished for curve in _drawings(run)]:
        sections.append(CurvesSection("Drawings", drawings))
    for run in finished:
        if (drawn := mixture_table(run.folder)) is not None:
            sections.append(TableSection(f"Data: {run.experiment.name}", drawn))
    bad = [run.bad_videos for run in finished if run.bad_videos]
    if bad:
        sections.append(TextSection("Videos that could not be read", "\n\n".join(bad), code=True))
    facts = {"code": code_version(), "seed": str(finished[0].experiment.seed), **library_versions()}
    sections.append(FactsSection("The run", facts, {run.experiment.name: run.seconds for run in finished}))
    for run in finished:
        text = (run.folder / "config.yaml").read_text()
        sections.append(TextSection(f"Configuration: {run.experiment.name}", text, code=True))
    return sections


def _drawings(run: Finished) -> list[Curve]:
    """The run's drawings besides its losses: gates, how values are spread, walks."""
    words = {shown.path.name: shown.caption for shown in run.previews}
    found = []
    for path in sorted(run.folder.glob("*.svg")):
        drawing = safe_svg(path.read_text(encoding="utf-8"))
        if drawing is not None and path.stem != "curves_train":  # which are the losses
            title = f"{run.experiment.name}: {path.stem.replace('_', ' ')}"
            found.append(Curve(title, drawing, words.get(path.name, path.stem.replace("_", " "))))
    return found


def _trained(folder: Path) -> bool:
    log = folder / "metrics.csv"
    return log.is_file() and "train/loss" in log.read_text().split("\n", 1)[0]
