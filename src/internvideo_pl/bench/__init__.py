"""Ours beside public code in one and the same run: time, memory, agreement.

A bench is a module with `run(options: Options) -> Iterator[Section]`; each section is shown as it comes.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bench:
    """One row of the table of benches.

    Attributes:
        module: Where its `run` is; imported when it is asked for.
        summary: What it compares, in a few words.
    """

    module: str
    summary: str


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a person may ask of every bench.

    Attributes:
        everything: Also what takes long or much memory.
        rounds: How often each contender is timed.
        videos: A folder of the person's own clips, for benches that read videos.
    """

    everything: bool = False
    rounds: int = 5
    videos: Path | None = None


BENCHES = {
    "augment": Bench("internvideo_pl.bench.augment", "augmentation of clips beside Pillow"),
    "decoding": Bench("internvideo_pl.bench.decoding", "clips out of videos beside decord, torchcodec and OpenCV"),
    "metrics": Bench("internvideo_pl.bench.metrics", "evaluators beside their definitions one detection at a time"),
    "models": Bench("internvideo_pl.bench.models", "training steps and inference beside transformers"),
    "plan": Bench("internvideo_pl.run.rehearsal", "plans of miniatures beside their runs"),  # needs the datasets
    "retrieval": Bench("internvideo_pl.bench.retrieval", "retrieval figures in blocks beside the whole matrix"),
}
