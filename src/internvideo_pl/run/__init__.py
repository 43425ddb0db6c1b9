"""The composition root: an experiment's name in, rows, pictures and a report out.

Here and only here the library meets `data_modules`.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from internvideo_pl.callbacks.interrupts import Interrupts
from internvideo_pl.callbacks.ranks import Ranks, Turns
from internvideo_pl.config import Experiment
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.errors import Interrupted, UserError
from internvideo_pl.run.batches import share_out
from internvideo_pl.run.build import check_fit
from internvideo_pl.run.claim import claim
from internvideo_pl.run.launch import Meeting, adopt, launch, to_launch
from internvideo_pl.run.parents import missing_parents, shared
from internvideo_pl.run.pipeline import run_stages
from internvideo_pl.run.record import Identity
from internvideo_pl.run.single import run_one
from internvideo_pl.run.stages import load_stages
from internvideo_pl.run.summary import summarize
from internvideo_pl.run.sweep.agent import report_to_agent


def main(
    name: str, overrides: list[str], mini: bool = False, data: str | None = None, meeting: Meeting | None = None
) -> None:
    """Run one experiment, or the stages of one; what the same command has begun and not ended is continued.

    Parents of a miniature that have no finished run are run first.

    Args:
        name: Path of its YAML below `experiments/`, without the suffix.
        overrides: `key=value` arguments; for an experiment of stages they hold for every stage.
        mini: Whether the miniature and the tiny size are used.
        data: The dataset's folder; stands for `data.root=<folder>`.
        meeting: Where several machines meet; by default as the environment says.

    Raises:
        UserError: Anything that the person must mend.
        RunFailed: A training came to something that is not finite.
        Interrupted: A signal stopped it; the sentence says how it goes on.
    """
    plan, runs = load_stages(name, overrides, mini, data)
    ranks = Ranks.here()
    if not plan.stages and ranks.world == 1:
        check_fit(runs[0])
        for parent in missing_parents(runs[0]):
            if parent not in missing_parents(runs[0]):
                continue  # it has run meanwhile, as a parent of another
            print(f"{name} starts from {parent}, of which there is no run yet: it runs first", file=sys.stderr)
            main(parent, shared(overrides), mini=True)
    if plan.stages and (ranks.world > 1 or any(to_launch(run, ranks) for run in runs)):
        raise UserError(
            f"{name} runs several experiments, each on one device: give GPUS= to one of them, or ARGS=trainer.devices=1"
        )
    if not plan.stages and to_launch(runs[0], ranks):
        check_fit(runs[0])
        share_out(runs[0])
        words = ["run", name, *overrides, *(["--mini"] if mini else []), *(["--data", data] if data else [])]
        return launch(runs[0], words, meeting or Meeting.of(None, None))
    adopt(runs, ranks)
    for run in runs:
        share_out(run)
    turns = Turns(ranks)
    with Interrupts() as interrupts, _spoken_by_one(ranks), _folder(name, runs, turns) as folder:
        try:
            if plan.stages:
                finished = run_stages(plan, runs, folder)
            else:
                finished = [run_one(runs[0], folder, {}, FrameCache(), interrupts, turns=turns)]
        except Interrupted as stop:
            raise Interrupted(stop.signum, f"{stop}; the same command continues {folder}") from None
        if ranks.first:
            summarize(plan, finished, folder)
            if plan.stages:
                report_to_agent(finished)


@contextlib.contextmanager
def _folder(name: str, runs: list[Experiment], turns: Turns) -> Iterator[Path]:
    """The run's folder: rank 0 claims it, the others hear which it is."""
    if not turns.ranks.first:
        yield Path(turns.hear("folder"))
        turns.end()
        return
    paths = runs[0].paths
    with claim(Identity.of(name, runs), paths.results, paths.run, runs[0].trainer.resume) as claimed:
        turns.tell("folder", str(claimed.folder.absolute()))
        yield claimed.folder
        turns.end()


@contextlib.contextmanager
def _spoken_by_one(ranks: Ranks) -> Iterator[None]:
    """Only rank 0 prints; what goes wrong is said by whom it befalls."""
    with contextlib.ExitStack() as stack:
        if not ranks.first:
            silence = stack.enter_context(open(os.devnull, "w"))
            stack.enter_context(contextlib.redirect_stdout(silence))
        yield
