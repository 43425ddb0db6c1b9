"""What `claims` does: runs the miniatures that the paper's claims are judged by, with several seeds, and judges.

A run counts for a seed if its configuration, its seed and the weights that it started from are those that it would have
now, wherever below results/ it lies; what is missing is run into `results/claims/`, parents first. Whatever ends the
command, the same one goes on.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from internvideo_pl.callbacks.interrupts import Interrupts
from internvideo_pl.config import Experiment, load_experiment, load_resolved
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.errors import Interrupted, UserError, hint
from internvideo_pl.folders import list_experiments, results_folder
from internvideo_pl.run.claim import claim as claim_folder
from internvideo_pl.run.folder import DONE, MODEL
from internvideo_pl.run.record import RECORD, Identity, Record, read_record
from internvideo_pl.run.results_report import write_results_report
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.single import run_one
from internvideo_pl.run.summary import summarize
from internvideo_pl.tables.claims import CLAIMS, Claim, Side, claims_table, judge_all
from internvideo_pl.tables.provenance import file_hash
from internvideo_pl.tables.render import print_table, to_csv, to_markdown
from internvideo_pl.tables.row import SWEEPS, read_rows
from internvideo_pl.whole_file import write_whole

FOLDER, TABLE = "claims", "claims"
CONFIG = "config.yaml"


def main(only: Sequence[str] = (), seeds: int = 3, run: bool = True) -> None:
    """Judge the claims and write `results/claims/claims.md` and `.csv`.

    Args:
        only: Names of claims; all by default.
        seeds: Every side is run with the seeds 0 to `seeds` - 1.
        run: Whether what is missing is run; else only what is there is judged.

    Raises:
        UserError: There is no such claim, or no seed.
        Interrupted: A signal stopped it.
    """
    chosen = chosen_claims(only)
    if seeds < 1:
        raise UserError(f"{seeds} seeds decide nothing: give SEEDS=3 or more, of which an interval can be made")
    results = results_folder()
    runs = Runs(results)
    if run:
        sides = list(dict.fromkeys((side, seed) for side in _sides(chosen) for seed in range(seeds)))
        waiting = [pair for pair in sides if runs.folder(*pair) is None]
        for number, (side, seed) in enumerate(waiting, 1):
            print(f"claims: {side.experiment} {' '.join(side.overrides)} seed {seed} ({number} of {len(waiting)})")
            runs.complete(side, seed)
    table = claims_table(judge_all(runs.value, seeds, chosen))
    print_table(table)
    folder = results / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    if chosen == CLAIMS:
        write_whole(folder / f"{TABLE}.md", to_markdown(table))
        write_whole(folder / f"{TABLE}.csv", to_csv(table))
        print(f"as {TABLE}.md and .csv: {folder}; on the page of all results: {write_results_report(results)}")


def chosen_claims(names: Sequence[str]) -> tuple[Claim, ...]:
    """The claims of these names, in their order; all for none.

    Raises:
        UserError: There is none of a name.
    """
    known = [claim.name for claim in CLAIMS]
    for name in names:
        if name not in known:
            raise UserError(f"There is no claim {name!r}.{hint(name, known)}")
    return tuple(claim for claim in CLAIMS if not names or claim.name in names)


class Runs:
    """The finished runs below a folder, by what they are.

    Args:
        results: The folder; sweeps in it do not count.
    """

    def __init__(self, results: Path):
        self.results = results
        self.found: dict[Identity, list[tuple[Path, Record]]] = {}
        self.frames = FrameCache()
        for path in sorted(results.rglob(RECORD)):
            if path.relative_to(results).parts[0] != SWEEPS and (path.parent / DONE).is_file():
                self._note(path.parent)

    def folder(self, side: Side, seed: int) -> Path | None:
        """Where a side has run with a seed, from parents of that seed; the newest, None where it has not."""
        experiment = configured(side, seed)
        hashes = set()
        for parent in _parents(experiment):
            at = self.folder(parent, seed)
            if at is None:
                return None
            hashes.add(_hash(at / MODEL))
        runs = self.found.get(_identity(experiment), [])
        fitting = [folder for folder, record in runs if set(record.parents.values()) == hashes]
        return max(fitting, key=lambda folder: (folder / DONE).stat().st_mtime, default=None)

    def value(self, side: Side, seed: int) -> float | None:
        """A side's metric with a seed; None where it has not run."""
        folder = self.folder(side, seed)
        rows = read_rows(folder)[0] if folder is not None else []
        return next((row.metrics[side.metric] for row in rows if side.metric in row.metrics), None)

    def complete(self, side: Side, seed: int) -> Path:
        """Run a side with a seed where it has not run yet, its parents first; the folder of its run.

        Raises:
            UserError: Something that the person must mend.
            RunFailed: A training failed.
            Interrupted: A signal stopped it; its run is continued by the same command.
        """
        if (there := self.folder(side, seed)) is not None:
            return there
        experiment = configured(side, seed)
        stages = {parent.experiment: self.complete(parent, seed) for parent in _parents(experiment)}
        with (
            Interrupts() as interrupts,
            claim_folder(_identity(experiment), self.results / FOLDER, resume=True) as claimed,
        ):
            folder = claimed.folder.absolute()
            try:
                summarize(experiment, [run_one(experiment, folder, stages, self.frames, interrupts)], folder)
            except Interrupted as stop:
                raise Interrupted(stop.signum, f"{stop}; the same command goes on with {folder}") from None
        self._note(folder)
        return folder

    def _note(self, folder: Path) -> None:
        """Keep a run by what its configuration means now: a word that came later has its default in it."""
        record = read_record(folder)
        try:
            experiment = load_resolved(folder / CONFIG, schemas=SCHEMAS)
        except UserError:
            return  # it speaks of what there is no more, so nothing that runs now is the same
        if record is not None:
            self.found.setdefault(_identity(experiment), []).append((folder, record))


@cache
def configured(side: Side, seed: int) -> Experiment:
    """A side's experiment in its mini form, with a seed.

    Raises:
        UserError: It is none, or an override does not fit it.
    """
    return load_experiment(side.experiment, [*side.overrides, f"seed={seed}"], True, schemas=SCHEMAS)


@cache
def _hash(path: Path) -> str:
    return file_hash(path)


def _identity(experiment: Experiment) -> Identity:
    return Identity.of(experiment.name, [experiment])


def _parents(experiment: Experiment) -> Iterator[Side]:
    """The experiments that one starts from or mixes in, as they stand."""
    weights = experiment.weights
    names = [*experiment.parents.values(), *weights.average, *([weights.mix] if weights.mix else [])]
    known = set(list_experiments())
    return (Side(name, "") for name in dict.fromkeys(names) if name in known)


def _sides(claims: Sequence[Claim]) -> Iterator[Side]:
    """Each run once, whichever of its metrics are compared."""
    sides = (side for claim in claims for side in (claim.better, claim.than))
    return iter(dict.fromkeys(Side(side.experiment, "", side.overrides) for side in sides))
