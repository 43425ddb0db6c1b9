"""How much faster a dataset's own training clips are read from shards than from where they were."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path

from internvideo_pl.data.module import VideoData
from internvideo_pl.data.order import Draw

ROUNDS = 3  # before and after are taken in turn, so that what else the machine does falls on both; the median counts
CLIPS = 24  # of which the processor time is taken, spread over the list
SECONDS = 4.0  # that the loader is timed for


@dataclass(frozen=True)
class Gain:
    """What packing changed: (before, after).

    Attributes:
        milliseconds: Processor time of one clip, read and cropped in one process.
        clips: Clips a second of the loader with all its workers.
    """

    milliseconds: tuple[float, float]
    clips: tuple[float, float]

    def __str__(self) -> str:
        (slow, fast), (before, after) = self.milliseconds, self.clips
        return (
            f"a training clip takes {slow:.1f} ms of a core before, {fast:.1f} ms from the shards "
            f"({slow / fast:.1f}x less); the loader gives {before:.1f} clips/s before, {after:.1f} from the shards "
            f"({after / before:.1f}x)"
        )


def measure_gain(data: VideoData, shards: Path) -> Gain:
    """Reads training clips from files and from shards in turn.

    Args:
        data: The dataset, read from where it was.
        shards: The folder into which it was packed.
    """
    config = replace(data.config, cache_gb=0.0)
    before = type(data)(config, data.root, data.seed)
    if data.official:
        after = type(data)(replace(config, shards=shards), data.root, data.seed)
    else:
        after = type(data)(config, shards, data.seed)
    return Gain(_in_turn(clip_milliseconds, before, after), _in_turn(clips_per_second, before, after))


def _in_turn(measure: Callable[[VideoData], float], before: VideoData, after: VideoData) -> tuple[float, float]:
    pairs = [(measure(before), measure(after)) for _ in range(ROUNDS)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def clip_milliseconds(data: VideoData) -> float:
    """Mean processor time of a training clip in this process, which other programs disturb little."""
    clips, videos = data.train_dataloader().dataset, len(data.split("train").samples)
    draws = [Draw(0, int(number * videos / CLIPS)) for number in range(CLIPS)]
    started = time.process_time()
    for draw in draws:
        clips[draw]
    return (time.process_time() - started) / CLIPS * 1000


def clips_per_second(data: VideoData) -> float:
    """What the training loader gives, the start of its workers left out."""
    loader = data.train_dataloader()
    clips, started = 0, 0.0
    for number, batch in enumerate(chain.from_iterable(repeat(loader))):
        if number == 0:
            started = time.monotonic()
            continue
        clips += len(batch)
        if time.monotonic() - started > SECONDS:
            break
    return clips / (time.monotonic() - started)
