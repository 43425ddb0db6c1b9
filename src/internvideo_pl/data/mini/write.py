"""Frames -> what stands on disk, by the ending of its name: a picture, a folder of pictures or a video file."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.data.mini.encode import encode, encode_picture
from internvideo_pl.data.mini.gif import encode_gif


def write_clip(path: Path, clip: NDArray[np.uint8], fps: int) -> None:
    """Writes a clip.

    Args:
        path: `<name>.jpg` for its first frame, a name without ending for a folder of 00001.jpg and on, else a video.
        clip: RGB frames, uint8 (T, H, W, 3).
        fps: Frames per second of a video file.
    """
    if path.suffix == ".jpg":
        path.write_bytes(encode_picture(clip))
    elif not path.suffix:
        path.mkdir()
        for number in range(len(clip)):
            (path / f"{number + 1:05d}.jpg").write_bytes(encode_picture(clip[number : number + 1]))
    elif path.suffix == ".gif":
        path.write_bytes(encode_gif(clip, fps))
    else:
        path.write_bytes(encode(clip, fps, path.suffix))
