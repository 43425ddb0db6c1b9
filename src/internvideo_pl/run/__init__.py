"""The composition root: an experiment's name in, rows, pictures and a report out.

Here and only here the library meets `data_modules`.
"""

from internvideo_pl.callbacks.interrupts import Interrupts
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.errors import Interrupted
from internvideo_pl.run.claim import claim
from internvideo_pl.run.pipeline import run_stages
from internvideo_pl.run.record import Identity
from internvideo_pl.run.single import run_one
from internvideo_pl.run.stages import load_stages
from internvideo_pl.run.summary import summarize


def main(name: str, overrides: list[str], mini: bool = False, data: str | None = None) -> None:
    """Run one experiment, or the stages of one; what the same command has begun and not ended is continued.

    Args:
        name: Path of its YAML below `experiments/`, without the suffix.
        overrides: `key=value` arguments; for an experiment of stages they hold for every stage.
        mini: Whether the miniature and the tiny size are used.
        data: The dataset's folder; stands for `data.root=<folder>`.

    Raises:
        UserError: Anything that the person must mend.
        RunFailed: A training came to something that is not finite.
        Interrupted: A signal stopped it; the sentence says how it goes on.
    """
    plan, runs = load_stages(name, overrides, mini, data)
    identity = Identity.of(name, runs)
    paths = runs[0].paths
    with Interrupts() as interrupts, claim(identity, paths.results, paths.run, runs[0].trainer.resume) as claimed:
        try:
            if plan.stages:
                finished = run_stages(plan, runs, claimed.folder)
            else:
                finished = [run_one(runs[0], claimed.folder, {}, FrameCache(), interrupts)]
        except Interrupted as stop:
            raise Interrupted(stop.signum, f"{stop}; the same command continues {claimed.folder}") from None
        summarize(plan, finished, claimed.folder)
