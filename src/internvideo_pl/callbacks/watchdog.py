"""A process that hangs or dies is named, and the others end: without this they would wait for it in a collective.

Every process says every two seconds through a store how far it is (`ranks`), and looks at what the others say. This is
done in a thread, which also runs while training waits.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import lightning as L
from torch import Tensor, distributed

from internvideo_pl.callbacks.ranks import Ranks
from internvideo_pl.data.batch import Batch
from internvideo_pl.data.index import SampleIndex
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import Interrupted, RunFailed

BEAT = 2.0  # seconds between two signs of life
SILENT = 20.0  # seconds without one after which a process is taken for dead: a minute has to suffice for everything
STARTING = 300.0  # the same until the first one: a busy file system can take minutes to import everything
PATIENCE = 2 * SILENT  # seconds that a process whose collective has failed waits to learn whose fault it was
NAMED = 3  # videos of a batch in a sentence
AGAIN = "the same command goes on after the last checkpoint"


@dataclass(frozen=True)
class Sign:
    """What a process says of itself.

    Attributes:
        rank: Its number.
        host: Its machine.
        process: Its id there.
        beat: Counts the signs, so that each differs from the one before.
        place: Grows with everything that is done of an epoch; what lags behind the others holds them up.
        doing: In words.
        age: Seconds since `place` grew; None outside the loops over batches, where steps have no usual length.
        failed: Why it ends early; empty otherwise.
        ended: Whether it has come to its end.
    """

    rank: int
    host: str
    process: int
    beat: int = 0
    place: int = 0
    doing: str = "starting"
    age: float | None = None
    failed: str = ""
    ended: bool = False

    @property
    def name(self) -> str:
        """The process in words."""
        return f"rank {self.rank} (process {self.process} on {self.host})" if self.beat else f"rank {self.rank}"


class Watchdog(L.Callback):
    """Ends this process when another one of the run is dead or any one hangs, and names it.

    Args:
        ranks: This process.
        minutes: How long a step may take.
        end: Ends the process with a sentence.
    """

    def __init__(self, ranks: Ranks, minutes: float, end: Any = None):
        self.ranks = ranks
        self.limit = minutes * 60
        self.mine = Sign(ranks.rank, ranks.host, os.getpid())
        self.words = "starting"
        self.videos: _Videos | None = None
        self.place = 0
        self.moved: float | None = None  # when `place` last grew
        self.end = end or _end_process
        self.heard: dict[int, tuple[bytes, float]] = {}  # the last sign of each rank, and when it came

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs.

        When it fails because another process did, this one waits to be ended with the other's name.
        """
        stop = threading.Event()
        thread = threading.Thread(target=self._watch, args=(stop,), daemon=True, name="watchdog")
        thread.start()
        try:
            yield
        except (Exception, Interrupted) as error:
            if self.ranks.world > 1 and _of_others(error):
                time.sleep(PATIENCE)
            # A signal comes to all: each saves and ends by itself, unless it cannot.
            self.mine = replace(self.mine, failed=_first_line(error), ended=isinstance(error, Interrupted))
            raise
        else:
            self.mine = replace(self.mine, ended=True)
        finally:
            stop.set()
            thread.join(SILENT)

    # The places of a batch: read, forward pass done, all done. Every process passes the same ones in the same order.

    def on_train_batch_start(self, trainer: L.Trainer, module: L.LightningModule, batch: Batch, batch_idx: int) -> None:
        """The loader has delivered."""
        self._move(f"in step {trainer.global_step + 1} with", _Videos.of(trainer, batch, "train"))

    def on_before_backward(self, trainer: L.Trainer, module: L.LightningModule, loss: Any) -> None:
        """The forward pass is done."""
        self._move(self.words, self.videos)

    def on_train_batch_end(self, trainer: L.Trainer, module: L.LightningModule, *_: Any) -> None:
        """The batch is done, the next one is read."""
        self._move(f"after step {trainer.global_step}, before it had read what comes after", self.videos)

    def on_test_batch_start(
        self, trainer: L.Trainer, module: L.LightningModule, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """The loader has delivered."""
        data: VideoData = trainer.datamodule  # type: ignore[attr-defined]
        self._move("in the test of", _Videos.of(trainer, batch, data.test_splits[dataloader_idx]))

    def on_test_batch_end(self, trainer: L.Trainer, module: L.LightningModule, *_: Any) -> None:
        """The batch is done."""
        self._move("in the test, before it had read what comes after", self.videos)

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """What follows has no usual length."""
        self.moved = None

    def on_test_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """What follows has no usual length."""
        self.moved = None

    def _move(self, words: str, videos: "_Videos | None") -> None:
        self.words, self.videos = words, videos
        self.place += 1
        self.moved = time.monotonic()

    def _watch(self, stop: threading.Event) -> None:
        store = self.ranks.store()
        last = False
        while True:
            try:
                self._say(store)  # at once: who dies before its first sign would be waited for as if it were starting
                if last:
                    return
                verdict = self.judge(self._listen(store))
            except RuntimeError:  # what PyTorch raises for a lost connection
                verdict = f"rank 0's machine ({os.environ.get('MASTER_ADDR')}) or its launcher has stopped"
            if verdict:
                self.end(f"{verdict}: this process ends too, and {AGAIN}")
                return
            last = stop.wait(BEAT)

    def _say(self, store: distributed.Store) -> None:
        moved = self.moved
        age = time.monotonic() - moved if moved is not None else None
        doing = f"{self.words} {self.videos}" if self.videos is not None else self.words
        self.mine = replace(self.mine, beat=self.mine.beat + 1, place=self.place, doing=doing, age=age)
        store.set(f"sign/{self.mine.rank}", json.dumps(asdict(self.mine)))

    def _listen(self, store: distributed.Store) -> dict[int, tuple[Sign, float]]:
        """The last sign of every process, and the seconds since it came, or since the first look for it."""
        now = time.monotonic()
        ranks = range(self.ranks.world)
        keys = {rank: f"sign/{rank}" for rank in ranks}
        for rank in ranks:
            self.heard.setdefault(rank, (json.dumps(asdict(Sign(rank, "", 0))).encode(), now))
        there = ranks if store.check(list(keys.values())) else [rank for rank in ranks if store.check([keys[rank]])]
        for rank, said in zip(there, store.multi_get([keys[rank] for rank in there]), strict=True):
            if self.heard[rank][0] != said:
                self.heard[rank] = (said, now)
        return {rank: (Sign(**json.loads(said)), now - at) for rank, (said, at) in self.heard.items()}

    def judge(self, signs: dict[int, tuple[Sign, float]]) -> str:
        """Who is dead, has failed or hangs, in words; empty when all is well.

        Args:
            signs: The last sign of each process, and the seconds since it came.
        """
        others = [(sign, silence) for rank, (sign, silence) in signs.items() if rank != self.ranks.rank]
        for sign, silence in others:
            if sign.failed and (silence > SILENT or not sign.ended):
                return f"{sign.name} failed, {sign.failed}"
        for sign, silence in others:
            if silence > (SILENT if sign.beat else STARTING) and not sign.ended:
                return f"{sign.name} has given no sign of life for {silence:.0f} s; it was {sign.doing}"
        working = [sign for sign, _ in signs.values() if sign.age is not None and not sign.ended]
        if any(sign.age is not None and sign.age > self.limit for sign in working):
            least = min(sign.place for sign in working)
            held = [sign for sign in working if sign.place == least]
            names = ", ".join(sign.name for sign in held[:NAMED]) + (", ..." if len(held) > NAMED else "")
            return f"{names} hung for more than {self.limit / 60:g} min {held[0].doing}"
        return ""


@dataclass(frozen=True)
class _Videos:
    """The first videos of a batch, and the first images beside them; their keys are looked up only when somebody asks.

    Attributes:
        samples: The split.
        index: int64 (at most `NAMED`,) on the CPU, where a copy arrives that nothing waits for.
        more: Whether the batch has others.
        images: The same of the images of a mixture, or None.
    """

    samples: SampleIndex
    index: Tensor
    more: bool
    images: "_Videos | None" = None

    @classmethod
    def of(cls, trainer: L.Trainer, batch: Batch, split: str) -> "_Videos":
        data: VideoData = trainer.datamodule  # type: ignore[attr-defined]
        index = batch.index[:NAMED].to("cpu", non_blocking=True)
        beside = getattr(batch, "images", None)  # batches of features have none
        images = None if beside is None else cls.of(trainer, beside, split)
        return cls(data.split(split).samples, index, len(batch) > NAMED, images)

    def __str__(self) -> str:
        keys = ", ".join(self.samples[i].key for i in self.index.tolist()) + (", ..." if self.more else "")
        return keys if self.images is None else f"{keys} and images {self.images}"


def _of_others(error: BaseException) -> bool:
    """Whether this is what a collective operation raises when another process is gone."""
    lost = isinstance(error, distributed.DistError)
    return lost or (isinstance(error, RuntimeError) and not isinstance(error, RunFailed) and "gloo" in str(error))


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _end_process(sentence: str) -> None:
    print(f"internvideo: {sentence}", file=sys.__stderr__, flush=True)
    os._exit(1)  # the main thread may wait inside a collective, where no exception reaches it
