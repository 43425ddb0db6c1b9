"""Frames -> an animated GIF, the same bytes for the same frames and library version."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from internvideo_pl.data.mini.encode import FPS

COLOURS = 128  # a palette for each frame: GIFs of the web have at most 256 colours


def encode_gif(clip: NDArray[np.uint8], fps: int = FPS) -> bytes:
    """Encodes a clip, uint8 (T, H, W, 3), that repeats for ever; GIFs count time in hundredths of a second."""
    frames = [Image.fromarray(frame).quantize(COLOURS) for frame in clip]
    file = io.BytesIO()
    duration = round(100 / fps) * 10  # milliseconds
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], duration=duration, loop=0)
    return file.getvalue()
