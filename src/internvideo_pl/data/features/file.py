"""The features of one video in a file: `<key>.safetensors`, or `<key>.npy` as others have published them.

Legend: N windows of the video, D width of a feature.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from internvideo_pl.video.faults import DecodeError
from internvideo_pl.whole_file import replacing

SUFFIX, FOREIGN = ".safetensors", ".npy"


@dataclass(frozen=True)
class Timing:
    """When the windows of a file without time stamps are, as published features state it.

    Attributes:
        frames: Frames that a window spans.
        hop: Frames between the beginnings of two windows.
        fps: Frames a second of what was read.
    """

    frames: float
    hop: float
    fps: float

    def seconds(self, windows: int) -> NDArray[np.float64]:
        """Seconds of the middle of each window, (N,)."""
        return (np.arange(windows, dtype=np.float64) * self.hop + 0.5 * self.frames) / self.fps


@dataclass(frozen=True)
class VideoFeatures:
    """The features of one video.

    Attributes:
        features: float16 (N, D) as they are kept, float32 where others kept them so.
        seconds: float64 (N,), the middle of each window, rising.
        duration: Seconds of the whole video; None where the file does not say.
    """

    features: NDArray[np.floating]
    seconds: NDArray[np.float64]
    duration: float | None = None


def file_name(key: str) -> str:
    """The name of a video's file: its official id, whatever it holds made safe for a file system."""
    return quote(key, safe="") + SUFFIX


def key_of(name: str) -> str:
    """The official id in a file's name."""
    return unquote(os.path.splitext(name)[0])


def write_features(folder: Path, key: str, found: VideoFeatures) -> Path:
    """Writes a video's file; it appears whole or not at all."""
    tensors: dict[str, NDArray[Any]] = {"features": found.features.astype(np.float16), "seconds": found.seconds}
    note = json.dumps({"video": key, "duration": found.duration})  # one entry: several have no fixed order in the file
    path = folder / file_name(key)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(save(tensors, {"note": note}))
        file.flush()
        os.fsync(file.fileno())
    return path


def read_features(path: str, timing: Timing | None = None) -> VideoFeatures:
    """Reads a video's file.

    Args:
        path: With one of the two suffixes.
        timing: When the windows of a `.npy` file are.

    Raises:
        DecodeError: The file is damaged, not of this kind, or has no time stamps and no timing is given.
    """
    try:
        found = _foreign(path, timing) if path.endswith(FOREIGN) else _own(path)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise DecodeError(path, f"is no file of features ({error})") from error
    if found.features.ndim != 2 or not len(found.features) or found.seconds.shape != found.features.shape[:1]:
        raise DecodeError(
            path, f"holds features of shape {found.features.shape}, not (windows, width) with their times"
        )
    if not np.isfinite(found.features).all() or (np.diff(found.seconds) <= 0).any():
        raise DecodeError(path, "holds features that are not finite numbers, or times that do not rise")
    return found


def width_of(path: str) -> int:
    """D, from a file's header alone.

    Raises:
        DecodeError: The file is damaged or not of this kind.
    """
    try:
        if path.endswith(FOREIGN):
            return int(np.load(path, mmap_mode="r", allow_pickle=False).shape[-1])
        with safe_open(path, framework="numpy") as file:
            return int(file.get_slice("features").get_shape()[-1])
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise DecodeError(path, f"is no file of features ({error})") from error


def _own(path: str) -> VideoFeatures:
    with safe_open(path, framework="numpy") as file:
        duration = json.loads((file.metadata() or {}).get("note", "{}")).get("duration")
        return VideoFeatures(file.get_tensor("features"), file.get_tensor("seconds"), duration)


def _foreign(path: str, timing: Timing | None) -> VideoFeatures:
    if timing is None:
        raise ValueError("it has no time stamps: set data.fps, data.num_frames and data.hop to those it was made with")
    features = np.load(path, allow_pickle=False)
    return VideoFeatures(features, timing.seconds(len(features)))
