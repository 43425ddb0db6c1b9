"""Small video files for tests of the data layer."""

from pathlib import Path

import av
import numpy as np


def write_video(path: Path, frames: int = 16, width: int = 64, height: int = 48) -> np.ndarray:
    """An H.264 file whose frames are plain, each of its own grey level; returns the levels, uint8 (frames,)."""
    levels = np.linspace(20, 235, frames).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for level in levels:
            picture = np.full((height, width, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return levels
