"""A matrix as a picture: similarities, confusions."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from internvideo_pl.callbacks.pictures import FONT_SIZE, GROUND, INK, MARGIN, MUTED, TITLE_SIZE
from internvideo_pl.errors import UserError

SIDE, CELLS = 560, (4, 40)  # pixels of the matrix at most, and of one cell at least and at most
NAMES = 280  # pixels for names at the left, at most
NAMED = 30  # rows up to which each has its name
RAMP = np.array([[20, 24, 31], [38, 70, 160], [46, 150, 170], [150, 205, 110], [253, 231, 76]])  # dark to bright


def heatmap(
    matrix: NDArray[np.floating], path: Path, title: str, rows: str, columns: str, names: list[str] | None = None
) -> Path:
    """Draw a matrix, its least value dark and its greatest bright.

    Args:
        matrix: (R, C), finite.
        path: The PNG to write; its folder must exist.
        title: Words above it.
        rows: What a row is.
        columns: What a column is.
        names: Of the rows; left out where there are too many to be read.

    Raises:
        UserError: the file cannot be written.
    """
    assert matrix.ndim == 2, f"a matrix, not {matrix.shape}"
    assert matrix.size, "an empty matrix has no picture"
    cell = int(np.clip(SIDE // max(matrix.shape), *CELLS))
    low, high = float(matrix.min()), float(matrix.max())
    share = (matrix - low) / (high - low) if high > low else np.zeros_like(matrix)
    places = np.linspace(0, 1, len(RAMP))
    colours = np.stack([np.interp(share, places, RAMP[:, i]) for i in range(3)], axis=-1).round().astype(np.uint8)
    image = Image.fromarray(colours).resize((matrix.shape[1] * cell, matrix.shape[0] * cell), Image.Resampling.NEAREST)
    named = names is not None and len(names) <= NAMED and cell >= FONT_SIZE
    font = ImageFont.load_default(FONT_SIZE)
    words = [_fitting(name, font) for name in names or [] if named]
    room = round(max((font.getlength(word) for word in words), default=0))
    left, top = MARGIN + (room + 8 if named else 0), MARGIN + TITLE_SIZE + FONT_SIZE + 24
    width = max(left + image.width + MARGIN, 420)
    picture = Image.new("RGB", (width, top + image.height + MARGIN), GROUND)
    picture.paste(image, (left, top))
    draw = ImageDraw.Draw(picture)
    draw.text((MARGIN, MARGIN - 4), title, fill=INK, font=ImageFont.load_default(TITLE_SIZE))
    scale = f"rows: {rows}; columns: {columns}; dark {low:.3g}, bright {high:.3g}"
    draw.text((MARGIN, MARGIN + TITLE_SIZE + 6), scale, fill=MUTED, font=font)
    for i, word in enumerate(words):
        draw.text((left - 8, top + (i + 0.5) * cell), word, fill=MUTED, font=font, anchor="rm")
    try:
        picture.save(path, format="PNG", optimize=True)
    except OSError as error:
        raise UserError(f"The picture {path} cannot be written ({error.strerror}); choose another folder.") from error
    return path


def _fitting(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """A name that fits beside the matrix; of a long one the middle is left out, as names often differ at their ends."""
    kept = len(name)
    short = name
    while font.getlength(short) > NAMES:
        kept -= 1
        short = f"{name[: kept // 2]}...{name[len(name) - (kept - kept // 2) :]}"
    return short
