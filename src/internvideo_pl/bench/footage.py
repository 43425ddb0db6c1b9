"""The videos on which decoding is measured: made once, kept in the cache."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from rich.console import Console
from rich.progress import Progress

from internvideo_pl.whole_file import replacing

RATE = 30  # frames a second
PANELS = 5  # things that move about
SPEEDS = 0.2, 0.8  # radians a second of their swings: as bytes a second go, like people's films
GRAIN = 3  # levels of noise on either side, as of a camera in daylight
# What people's and data sets' files mostly are: x264's defaults, with a key frame every 250 and up to 3 B pictures.
OPTIONS = {"preset": "medium", "crf": "23"}


@dataclass(frozen=True)
class Footage:
    """A video to be made.

    Attributes:
        name: As it is printed.
        height: Pixels.
        width: Pixels.
        seconds: Length.
    """

    name: str
    height: int
    width: int
    seconds: int


SMALL = Footage("340x256, 10 s", 256, 340, 10)  # a clip of Kinetics as most people store it
HD = Footage("1280x720, 60 s", 720, 1280, 60)


def made(footage: Footage, folder: Path) -> Path:
    """The file of some footage, made if it is not there yet: some 15 s for the small one, minutes for the large one."""
    path = folder / f"{footage.height}p_{footage.seconds}s.mp4"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            _encode(footage, partial)
    return path


def _encode(footage: Footage, path: Path) -> None:
    console = Console(stderr=True)
    with (
        av.open(str(path), "w", format="mp4") as file,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        stream = file.add_stream("libx264", rate=RATE, options=OPTIONS)
        stream.height, stream.width, stream.pix_fmt = footage.height, footage.width, "yuv420p"
        total = footage.seconds * RATE
        for picture in progress.track(_pictures(footage, total), total=total, description=f"making {footage.name}"):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))


def _pictures(footage: Footage, count: int) -> Iterator[np.ndarray]:
    """uint8 (H, W, 3): a camera that swings over a landscape, before which textured panels move, with grain."""
    rng = np.random.default_rng(0)
    height, width = footage.height, footage.width
    landscape = 255 * np.stack([_texture(2 * height, 2 * width, rng) for _ in range(3)], axis=-1)
    panels = [255 * _texture(height // 4, width // 6, rng)[..., None] * rng.uniform(0.4, 1, 3) for _ in range(PANELS)]
    speeds, starts = rng.uniform(*SPEEDS, (PANELS + 1, 2)), rng.uniform(0, 2 * np.pi, (PANELS + 1, 2))
    for number in range(count):
        swing = (1 + np.sin(speeds * number / RATE + starts)) / 2  # from 0 to 1
        picture = _part(landscape, swing[0] * (height - 1, width - 1), height, width)
        for panel, place in zip(panels, swing[1:], strict=True):
            rows, columns = panel.shape[0] - 1, panel.shape[1] - 1
            (y, x), shift = np.divmod(place * (height - rows, width - columns), 1)
            picture[int(y) : int(y) + rows, int(x) : int(x) + columns] = _part(panel, 1 - shift, rows, columns)
        noise = rng.integers(-GRAIN, GRAIN + 1, (height, width, 1), dtype=np.int16)
        yield np.clip(picture + noise, 0, 255).astype(np.uint8)


def _part(image: np.ndarray, place: np.ndarray, height: int, width: int) -> np.ndarray:
    """float (height, width, 3) of an image from (y, x) on, between pixels where these are not whole numbers."""
    (y, x), (down, right) = place.astype(int), place % 1
    whole = image[y : y + height + 1, x : x + width + 1]
    rows = whole[:height] * (1 - down) + whole[1 : height + 1] * down
    return rows[:, :width] * (1 - right) + rows[:, 1 : width + 1] * right


def _texture(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (H, W) from 0 to 1: noise whose amplitude falls with frequency, as that of photographs does."""
    spectrum = np.fft.rfft2(rng.standard_normal((height, width)))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1
    values = np.fft.irfft2(spectrum / frequency, (height, width))
    return ((values - values.min()) / np.ptp(values)).astype(np.float32)
