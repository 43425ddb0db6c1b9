"""Several experiments, each starting from those before it: what `stages` in an experiment's file means.

A stage starts as soon as its parents are done; a run that is continued keeps its finished stages. On a CPU two stages
side by side on one thread each are faster than one after the other on two, so stages run in worker processes; what each
worker decodes it keeps for its next stage.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from internvideo_pl.config import Experiment, save_config
from internvideo_pl.cores import usable_cores
from internvideo_pl.run.average import write_averages
from internvideo_pl.run.board import Board
from internvideo_pl.run.build import check_fit, data_root
from internvideo_pl.run.finished import Finished, read_finished
from internvideo_pl.run.folder import DONE, mark_done
from internvideo_pl.run.record import Identity, note_start
from internvideo_pl.run.worker import Worker, messages


def run_stages(pipeline: Experiment, stages: list[Experiment], folder: Path) -> list[Finished]:
    """Run every stage in a numbered sub-folder; all are checked before the first one starts.

    Raises:
        UserError: Something that the person must mend, in any stage.
        RunFailed: A training failed.
        Interrupted: A signal stopped the stages, which have saved what they trained.
    """
    for stage in stages:
        check_fit(stage)
    for stage in stages:
        data_root(stage)  # miniatures are made here, on all cores and with their bar in sight
    save_config(pipeline, folder / "config.yaml")
    record = note_start(folder, Identity.of(pipeline.name, stages), {})
    folders = {stage.name: folder / f"{i:02d}-{stage.name.replace('/', '-')}" for i, stage in enumerate(stages, 1)}
    if len(record.starts) > 1:
        done = sum((place / DONE).is_file() for place in folders.values())
        print(f"continuing {folder}: {done} of {len(stages)} stages are done", file=sys.stderr, flush=True)
    started = time.monotonic()
    _run_all(stages, folders, _jobs(pipeline, stages))
    finished = [read_finished(stage, folders[stage.name]) for stage in stages]
    seconds = round(time.monotonic() - started, 1)
    if pipeline.average:
        averages = write_averages(pipeline, [row for run in finished for row in run.rows], folder)
        finished.append(Finished(pipeline, folder, averages, [], "", seconds))
    mark_done(folder, {"experiment": pipeline.name, "mini": stages[0].mini, "seconds": seconds})
    return finished


def _jobs(pipeline: Experiment, stages: list[Experiment]) -> int:
    """Worker processes: as many as the pipeline allows and the machine has cores; one where a GPU is used."""
    on_cpu = all(stage.trainer.accelerator == "cpu" for stage in stages) or not torch.cuda.is_available()
    return min(pipeline.jobs, usable_cores(), len(stages)) if on_cpu else 1


def _run_all(stages: list[Experiment], folders: dict[str, Path], jobs: int) -> None:
    done = {stage.name for stage in stages if (folders[stage.name] / DONE).is_file()}
    waiting = [stage for stage in stages if stage.name not in done]
    threads = max(usable_cores() // jobs, 1)
    with ExitStack() as stack:
        board = stack.enter_context(Board([stage.name for stage in stages]))
        for name in done:
            board.keep(name)
        workers = [stack.enter_context(Worker(threads)) for _ in range(min(jobs, len(waiting)))]
        stack.enter_context(_stopped_together(workers))
        while len(done) < len(stages):
            for worker in workers:
                if worker.stage is None and (stage := _ready(waiting, stages, done)) is not None:
                    waiting.remove(stage)
                    worker.start(stage, folders)
                    board.start(stage.name)
            for name, message in messages(workers):
                board.show(name, message)
                if message["kind"] == "done":
                    done.add(name)


@contextmanager
def _stopped_together(workers: list[Worker]) -> Iterator[None]:
    """When one fails or a signal comes, all save at the same time; each is then waited for in turn."""
    try:
        yield
    except BaseException:
        for worker in workers:
            worker.stop()
        raise


def _ready(waiting: list[Experiment], stages: list[Experiment], done: set[str]) -> Experiment | None:
    """The first waiting stage whose parents among the stages are done."""
    names = {stage.name for stage in stages}
    ready: Iterator[Experiment] = (
        stage for stage in waiting if all(parent in done for parent in stage.parents.values() if parent in names)
    )
    return next(ready, None)
