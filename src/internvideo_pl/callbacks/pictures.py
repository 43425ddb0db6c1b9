"""Rows of video frames as one picture: reconstructions, retrieved clips, previews."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from internvideo_pl.errors import UserError

MAX_FRAMES = 8  # of a row that are shown, evenly spaced
FRAME_HEIGHT = 112  # pixels: a 48 px miniature is enlarged until its shapes can be told apart
GAP, GROUP_GAP, MARGIN = 4, 18, 20
LABEL_WIDTH, FONT_SIZE, TITLE_SIZE = 168, 15, 19
# A dark ground lets frames speak, and suits a light page as well as a dark one.
GROUND, INK, MUTED, RIGHT, WRONG = "#14181f", "#e7ebf0", "#9aa5b3", "#46c28a", "#ff8a70"


@dataclass(frozen=True)
class Preview:
    """A picture beside a run, and what it shows."""

    path: Path
    caption: str


class Strip(NamedTuple):
    """A row of the picture.

    Attributes:
        label: Words at its left.
        frames: uint8 (T, H, W, 3), RGB.
        marks: For each frame, whether it is right (green frame) or wrong (red); None or nothing for neither.
    """

    label: str
    frames: Tensor | NDArray[np.uint8]
    marks: Sequence[bool | None] = ()


def filmstrip(
    rows: Sequence[Strip | tuple[str, Tensor]],
    path: Path,
    title: str = "",
    group: int = 0,
    label_width: int = LABEL_WIDTH,
) -> Path:
    """Compose labelled rows of frames into one PNG.

    Args:
        rows: Strips, or plain (label, frames); sizes and numbers of frames may differ from row to row.
        path: The PNG to write; its folder must exist.
        title: Words above the rows.
        group: So many rows belong together, and a wider gap follows them; 0 for none.
        label_width: Room for the labels, in pixels.

    Returns:
        `path`.

    Raises:
        UserError: the file cannot be written.
    """
    strips = [_thinned(Strip(*row)) for row in rows]
    thumbs = [[_thumb(frame) for frame in _array(strip.frames)] for strip in strips]
    widest = max((sum(thumb.width + GAP for thumb in row) - GAP for row in thumbs), default=0)
    top = MARGIN + (TITLE_SIZE + 16 if title else 0)
    tops = [top + i * (FRAME_HEIGHT + GAP) + (i // group * GROUP_GAP if group else 0) for i in range(len(strips))]
    height = (tops[-1] + FRAME_HEIGHT if tops else top) + MARGIN
    picture = Image.new("RGB", (MARGIN + label_width + widest + MARGIN, height), GROUND)
    draw = ImageDraw.Draw(picture)
    if title:
        draw.text((MARGIN, MARGIN - 4), title, fill=INK, font=ImageFont.load_default(TITLE_SIZE))
    for strip, row, y in zip(strips, thumbs, tops, strict=True):
        _label(draw, strip.label, y, label_width)
        x = MARGIN + label_width
        for j, thumb in enumerate(row):
            picture.paste(thumb, (x, y))
            mark = strip.marks[j] if j < len(strip.marks) else None
            if mark is not None:
                box = (x, y, x + thumb.width - 1, y + FRAME_HEIGHT - 1)
                draw.rectangle(box, outline=RIGHT if mark else WRONG, width=4)
            x += thumb.width + GAP
    try:
        picture.save(path, format="PNG", optimize=True)
    except OSError as error:
        raise UserError(f"The picture {path} cannot be written ({error.strerror}); choose another folder.") from error
    return path


def _thinned(strip: Strip) -> Strip:
    """At most `MAX_FRAMES` frames, evenly spaced, the first and the last among them."""
    count = len(strip.frames)
    if count <= MAX_FRAMES:
        return strip
    keep = np.linspace(0, count - 1, MAX_FRAMES).round().astype(int).tolist()
    marks = [strip.marks[i] if i < len(strip.marks) else None for i in keep]
    return Strip(strip.label, strip.frames[keep], marks)


def _array(frames: Tensor | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames as (T, H, W, 3) in memory of the CPU."""
    array = frames.detach().cpu().numpy() if isinstance(frames, Tensor) else np.asarray(frames)
    assert array.ndim == 4, f"frames must be (T, H, W, 3), not {array.shape}"
    assert array.shape[-1] == 3, f"frames must be RGB, not {array.shape}"
    assert array.dtype == np.uint8, f"frames must be uint8, not {array.dtype}"
    return array


def _thumb(frame: NDArray[np.uint8]) -> Image.Image:
    """A frame at the common height."""
    image = Image.fromarray(np.ascontiguousarray(frame))
    width = max(1, round(image.width * FRAME_HEIGHT / image.height))
    return image.resize((width, FRAME_HEIGHT), Image.Resampling.BICUBIC)


def _label(draw: ImageDraw.ImageDraw, label: str, y: int, width: int) -> None:
    """Words beside a row: the first line bold in effect (bright), later ones muted; as many as fit."""
    font = ImageFont.load_default(FONT_SIZE)
    per_line = int((width - 12) / (FONT_SIZE * 0.52))  # 0.52 em is the font's mean advance
    lines = [piece for line in label.splitlines() for piece in textwrap.wrap(line, per_line) or [""]]
    step = FONT_SIZE + 4
    lines = lines[: FRAME_HEIGHT // step]
    start = y + (FRAME_HEIGHT - step * len(lines)) / 2
    first = len(textwrap.wrap(label.splitlines()[0], per_line)) if label else 0
    for i, line in enumerate(lines):
        draw.text((MARGIN, start + i * step), line, fill=INK if i < first else MUTED, font=font)
