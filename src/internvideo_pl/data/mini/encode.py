"""Frames -> a small file, H.264 in mp4 by default, the same bytes for the same frames and library version."""

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

FPS = 8
OPTIONS: dict[str, str] = {
    "preset": "superfast",
    "crf": "22",  # x264's quality scale, lower is better: textures survive at 64 pixels, at 9 kB a clip
    "threads": "1",
    # With macroblock trees, x264's AVX-512 code gives most clips of this size other bytes each time (measured; not so
    # with its AVX2 code).
    "x264-params": "mbtree=0",
}

# ending -> container, codec, its tag and its options; what the datasets ship
CONTAINERS: dict[str, tuple[str, str, str | None, dict[str, str]]] = {
    ".mp4": ("mp4", "libx264", None, OPTIONS),
    ".mov": ("mov", "libx264", None, OPTIONS),
    ".mkv": ("matroska", "libx264", None, OPTIONS),
    ".avi": ("avi", "mpeg4", "XVID", {"flags": "+qscale", "global_quality": str(3 * 118), "threads": "1"}),
    ".webm": (
        "webm",
        "libvpx-vp9",
        None,
        {"crf": "22", "b": "0", "deadline": "realtime", "cpu-used": "8", "threads": "1"},
    ),
}

# Rec. 601 in limited range, what players assume of small untagged video: weights of R, G, B and offset of Y, Cb, Cr
_YUV = (
    (65.481 / 255, 128.553 / 255, 24.966 / 255, 16.0),
    (-37.797 / 255, -74.203 / 255, 112.0 / 255, 128.0),
    (112.0 / 255, -93.786 / 255, -18.214 / 255, 128.0),
)


def encode(clip: NDArray[np.uint8], fps: int = FPS, suffix: str = ".mp4") -> bytes:
    """Encodes a clip.

    Args:
        clip: RGB frames, uint8 (T, H, W, 3), H a multiple of 4 and W even.
        fps: frames per second of the file.
        suffix: A key of `CONTAINERS`.

    Returns:
        The whole file. One encoder thread and no time stamps of today: byte for byte the same each time.
    """
    height, width = clip.shape[1:3]
    file = io.BytesIO()
    kind, codec, tag, options = CONTAINERS[suffix]
    with av.open(file, "w", format=kind, options={"fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream(codec, rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = dict(options)
        stream.thread_count = 1
        if tag is not None:
            stream.codec_context.codec_tag = tag
        for number, planes in enumerate(_yuv420(clip)):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def encode_picture(clip: NDArray[np.uint8]) -> bytes:
    """The first frame of a clip, uint8 (T, H, W, 3), as a JPEG file."""
    height, width = clip.shape[1:3]
    context = av.CodecContext.create("mjpeg", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt, context.time_base = width, height, "yuvj420p", Fraction(1, 25)
    context.qscale, context.thread_count = True, 1
    context.global_quality = 2 * 118  # FFmpeg's scale of 1 to 31, the second best, times its unit FF_QP2LAMBDA
    frame = av.VideoFrame.from_ndarray(clip[0], format="rgb24").reformat(format="yuvj420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def _yuv420(clip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB (T, H, W, 3) to planar 4:2:0 as PyAV takes it: (T, H * 3 / 2, W), the chroma planes below the luma."""
    frames, height, width, _ = clip.shape
    rgb = clip.astype(np.float32)
    rows = rgb[:, ::2] + rgb[:, 1::2]
    half = (rows[:, :, ::2] + rows[:, :, 1::2]) * np.float32(0.25)  # (T, H/2, W/2, 3)
    planes = np.empty((frames, height * 3 // 2, width), np.float32)
    planes[:, :height] = _weigh(rgb, *_YUV[0])
    planes[:, height : height * 5 // 4] = _weigh(half, *_YUV[1]).reshape(frames, height // 4, width)
    planes[:, height * 5 // 4 :] = _weigh(half, *_YUV[2]).reshape(frames, height // 4, width)
    return (planes + np.float32(0.5)).astype(np.uint8)


def _weigh(rgb: NDArray[np.float32], red: float, green: float, blue: float, offset: float) -> NDArray[np.float32]:
    # no matrix product: its rounding depends on the number of threads
    return (
        rgb[..., 0] * np.float32(red)
        + rgb[..., 1] * np.float32(green)
        + rgb[..., 2] * np.float32(blue)
        + np.float32(offset)
    )
