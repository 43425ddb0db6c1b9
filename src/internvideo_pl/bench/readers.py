"""Ours and the readers that a person would pick instead, each as a function from (file, frame numbers, size) to pixels.

All decode with one thread, as inside a data-loader worker, and scale while they decode where they can.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import av
import numpy as np

OURS = "ours"
Size = tuple[int, int]  # height, width
# (file, ascending or repeating frame numbers, size to scale to or None) -> uint8 (T, H, W, 3), RGB
Read = Callable[[str, Sequence[int], Size | None], np.ndarray]


@dataclass(frozen=True)
class Plan:
    """What is read of a file.

    Attributes:
        numbers: Frame numbers, clip by clip.
        size: Height and width to which frames are scaled; None where they are not.
    """

    numbers: Sequence[Sequence[int]]
    size: Size | None


def load_ours() -> Read:
    """This project's reader; nothing is kept from one clip to the next, as when every video comes anew."""
    from internvideo_pl.video.decode import forget, num_frames, read_frames

    def read(path: str, numbers: Sequence[int], size: Size | None) -> np.ndarray:
        forget()
        num_frames(path)
        return read_frames(path, numbers, min(size) if size else None).numpy()

    return read


def load_decord() -> Read:
    """Decord, with its native scaling."""
    import decord

    def read(path: str, numbers: Sequence[int], size: Size | None) -> np.ndarray:
        height, width = size or (-1, -1)
        reader = decord.VideoReader(path, width=width, height=height, num_threads=1)
        len(reader)
        return reader.get_batch(list(numbers)).asnumpy()

    return read


def load_torchcodec() -> Read:
    """TorchCodec in its faster mode, with its native scaling."""
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import Resize

    def read(path: str, numbers: Sequence[int], size: Size | None) -> np.ndarray:
        transforms = [Resize(size)] if size else None
        reader = VideoDecoder(
            path, num_ffmpeg_threads=1, seek_mode="approximate", dimension_order="NHWC", transforms=transforms
        )
        len(reader)
        return reader.get_frames_at(list(numbers)).data.numpy()

    return read


def load_opencv() -> Read:
    """OpenCV: one seek, then frame by frame, since its seeks are not exact everywhere."""
    import cv2

    cv2.setNumThreads(1)

    def read(path: str, numbers: Sequence[int], size: Size | None) -> np.ndarray:
        wanted, slots = np.unique(np.asarray(numbers), return_inverse=True)
        capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        capture.get(cv2.CAP_PROP_FRAME_COUNT)
        if wanted[0]:
            capture.set(cv2.CAP_PROP_POS_FRAMES, int(wanted[0]))
        frames, here = [], int(wanted[0])
        for number in wanted:
            while here < number:
                capture.grab()
                here += 1
            found, frame = capture.read()
            here += 1
            if not found:
                raise RuntimeError(f"frame {number} is not given")
            frame = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
            frames.append(cv2.resize(frame, size[::-1]) if size else frame)
        return np.stack(frames)[slots]

    return read


# name -> (package that it needs, what loads it)
READERS: dict[str, tuple[str, Callable[[], Read]]] = {
    OURS: ("av", load_ours),
    "decord": ("decord", load_decord),
    "torchcodec": ("torchcodec", load_torchcodec),
    "opencv": ("opencv-python-headless", load_opencv),
}


def available() -> tuple[dict[str, str], dict[str, str]]:
    """Versions of the readers that work here, and of the others why they do not."""
    versions, reasons = {}, {}
    for name, (package, load) in READERS.items():
        try:
            load()
            versions[name] = version(package)
        except (ImportError, PackageNotFoundError):
            reasons[name] = f"{package} is not installed: pip install 'internvideo_pl[bench]'"
        except (OSError, RuntimeError) as error:
            reasons[name] = f"{package} does not load: {str(error).strip().splitlines()[0]}"
    return versions, reasons


@contextmanager
def ffmpeg_for_others(folder: Path) -> Iterator[None]:
    """Lets processes that start inside the block find the FFmpeg that PyAV brings, under FFmpeg's own names.

    TorchCodec has none of its own. With this one it is compared as a reader, not as a build of FFmpeg.

    Args:
        folder: Where links to the libraries are put.
    """
    libraries = Path(av.__file__).parents[1] / "av.libs"  # as in PyAV's wheels for Linux
    if not libraries.is_dir():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    for library in libraries.glob("lib*-*.so.*"):  # libavcodec-<hash>.so.62.28.102 -> libavcodec.so.62
        link = folder / f"{library.name.split('-')[0]}.so.{library.name.split('.so.')[1].split('.')[0]}"
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(library)
    before = os.environ.get("LD_LIBRARY_PATH")
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [str(folder), str(libraries), before]))
    try:
        yield
    finally:
        if before is None:
            del os.environ["LD_LIBRARY_PATH"]
        else:
            os.environ["LD_LIBRARY_PATH"] = before
