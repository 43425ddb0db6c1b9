"""Packs shards side by side, each in one of several processes that end with the one that started them."""

import os
import signal
import threading
from collections.abc import Callable, MutableSequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path

from internvideo_pl.data.shards.manifest import Record
from internvideo_pl.data.shards.plan import Shard
from internvideo_pl.data.shards.reencode import Reencode
from internvideo_pl.data.shards.write import pack_shard
from internvideo_pl.errors import UserError

POLL = 0.2  # seconds between two looks at what the processes have done

_counts: MutableSequence[int]  # in a process of the pool: videos dealt with, by shard; memory that all of them share


def pack_shards(
    plan: list[Shard], folder: Path, settings: Reencode | None, jobs: int, report: Callable[[int], None]
) -> list[Record]:
    """The records of all shards, in order.

    Args:
        plan: What to pack.
        folder: Where to.
        settings: How the videos are encoded anew.
        jobs: Processes; with 1 this one does it.
        report: Is told, again and again, how many videos of all are dealt with.

    Raises:
        UserError: A process was ended from outside.
        OSError: The folder cannot be written to.
    """
    if jobs > 1 and len(plan) > 1:
        return _in_processes(plan, folder, settings, min(jobs, len(plan)), report)
    records, before = [], 0
    for shard in plan:
        records.append(pack_shard(shard, folder, settings, lambda done, before=before: report(before + done)))  # type: ignore[misc]
        before += len(shard.samples)
    return records


def _in_processes(
    plan: list[Shard], folder: Path, settings: Reencode | None, jobs: int, report: Callable[[int], None]
) -> list[Record]:
    context = get_context("spawn")  # a fork would take along the threads and locks of PyTorch
    counts = context.RawArray("q", len(plan))  # no lock: a process that is killed could not give it back
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(counts,)) as pool:
        futures = [pool.submit(_pack, number, shard, folder, settings) for number, shard in enumerate(plan)]
        waiting: set[Future[Record]] = set(futures)
        try:
            while waiting:
                _, waiting = wait(waiting, timeout=POLL, return_when=FIRST_EXCEPTION)
                report(sum(counts))
                if any(future.done() and future.exception() for future in futures):
                    break
            return [future.result() for future in futures]
        except BrokenProcessPool as error:
            raise UserError(
                "a process that packed videos was killed, perhaps for lack of memory; the same command goes on where "
                "it stopped, JOBS= sets how many there are."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _start(counts: MutableSequence[int]) -> None:
    global _counts
    _counts = counts
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C reaches all processes: end at once and without a traceback
    parent = parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: BaseProcess) -> None:
    """Ends this process when the one that asked for the work ends, however that ends."""
    parent.join()
    os._exit(1)


def _pack(number: int, shard: Shard, folder: Path, settings: Reencode | None) -> Record:
    def done(count: int) -> None:
        _counts[number] = count

    return pack_shard(shard, folder, settings, done)
