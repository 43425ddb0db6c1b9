"""Computes what a store of features lacks, file by file, so that an interrupted run goes on where it was.

Shapes: B clips of a batch.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from internvideo_pl.data.cached.store import VIDEOS, Store
from internvideo_pl.data.clips import EvaluationClips
from internvideo_pl.data.loader import loading
from internvideo_pl.data.module import VideoData


def fill_store(store: Store, data: VideoData, encode: Callable[[Tensor], Tensor]) -> int:
    """Computes and writes the features of all videos of a split that have none.

    Args:
        store: Loaded; gets the rest.
        data: Whose split it is; videos are read as in tests.
        encode: uint8 (B, T, H, W, 3) -> features (B, ...).

    Returns:
        How many videos were read.
    """
    wanted = store.missing()
    if not wanted:
        return 0
    rows: dict[int, list[Tensor]] = {}
    faults: dict[int, str] = {}
    clips = EvaluationClips(data.split(store.split).samples, data.config, data.cache)
    clips.hopeless = data.hopeless(store.split)
    settings = loading(data.config) | {"batch_size": clips.batch_size}
    loader: Any = DataLoader(clips, sampler=wanted, **settings)  # gives batches
    with torch.no_grad():
        for number, batch in enumerate(loader):
            asked = wanted[number * clips.batch_size :][: clips.batch_size]
            for index in asked:
                views = (batch.index == index).nonzero()[:, 0]
                if len(views):
                    rows[index] = []
                else:
                    path = clips.samples[index].path
                    faults[index] = next(fault.reason for fault in batch.faults if fault.path == path)
            if len(batch):
                for index, features in zip(batch.index.tolist(), encode(batch.video), strict=True):
                    rows[index].append(features.to("cpu", torch.float16))
            _write_whole(store, rows, faults)
    return len(wanted)


def _write_whole(store: Store, rows: dict[int, list[Tensor]], faults: dict[int, str]) -> None:
    """Writes the files whose videos have all been read, and forgets these."""
    for first in {index // VIDEOS * VIDEOS for index in (*rows, *faults)}:
        entries = store.of(first)
        if all(index in rows or index in faults for index in entries):
            store.write(
                first,
                {index: rows.pop(index) for index in entries if index in rows},
                {index: faults.pop(index) for index in entries if index in faults},
            )
