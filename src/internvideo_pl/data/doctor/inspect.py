"""One video, read from its first byte to its last frame, for everything that a manifest says of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import av

from internvideo_pl.data.doctor.contents import digest_of
from internvideo_pl.data.location import stamp_of, video_at
from internvideo_pl.data.manifest import FileRecord, Status
from internvideo_pl.video.container import OpenVideo, Video, open_video
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.packets import index_of

QUIET = 60.0  # seconds without a sign of life before a video counts as stuck: a slow disk's worst pause, and more
# Bytes a second at which a video is decoded at least where its frames must be counted in one go: 2 Mbit/s, half the
# speed at which a film of that rate plays on one slow core.
SLOWEST = 250_000
REASON = 200  # letters of a reason that are kept: a sentence of FFmpeg's

Alive = Callable[[float], None]  # called again and again, with the seconds until the next call at the latest


def inspect(location: str, name: str, alive: Alive = lambda seconds: None, pictures: bool = False) -> FileRecord:
    """Read, hash and decode a whole video.

    Args:
        location: Where it is, as `Sample.path`.
        name: What the manifest calls it.
        alive: Told that the work goes on.
        pictures: Whether it is a folder of pictures or a single one, not a coded video.
    """
    known = FileRecord(name, *(stamp_of(location) or (0, 0)), status="sound")
    try:
        known = replace(known, digest=digest_of(location, lambda: alive(QUIET)))
    except OSError as error:
        return _bad(known, "unreachable", error.strerror or "cannot be read")
    except DecodeError as error:
        return _bad(known, "unreachable", error.reason)
    found: dict[str, Any] = {}
    try:
        if pictures:
            _read_pictures(location, found)
        else:
            video = video_at(location)
            alive(QUIET + known.size / SLOWEST)
            _count(video, found)
            _decode(video, found, alive)
    except DecodeError as error:
        known = _bad(known, "damaged" if found else "unreadable", error.reason)
    return replace(known, **found)


def _bad(record: FileRecord, status: Status, reason: str) -> FileRecord:
    return replace(record, status=status, reason=reason[:REASON].lower())


def _count(video: Video, found: dict[str, Any]) -> None:
    """Writes into `found` what the packets tell.

    Raises:
        DecodeError: The video gives no frame, however it is read.
    """
    index = index_of(video)
    hidden = max(len(index.packets) - index.num_frames, 0)  # coded but, by an edit list, not shown
    seconds = float(index.seconds[-1]) + 1 / index.fps
    with open_video(video) as opened:
        found |= {
            "frames": index.num_frames,
            "fps": index.fps,
            "seconds": seconds,
            "codec": index.codec,
            "stated_frames": max(opened.stream.frames - hidden, 0),
            "stated_fps": float(opened.stream.average_rate or 0),
            "stated_seconds": _stated_seconds(opened),
        }


def _stated_seconds(opened: OpenVideo) -> float:
    """The stream's own duration, else the whole container's, else 0."""
    stream = opened.stream
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return (opened.container.duration or 0) / av.time_base


def _decode(video: Video, found: dict[str, Any], alive: Alive) -> None:
    """Decodes every frame; writes into `found` how large they are.

    Raises:
        DecodeError: A frame is damaged.
    """
    with open_video(video) as opened:
        for number, frame in enumerate(opened.frames()):
            if frame.is_corrupt:
                raise DecodeError(str(video), f"frame {number} is damaged")
            if number == 0:
                sides = frame.width, frame.height
                found["width"], found["height"] = sides[::-1] if frame.rotation % 180 else sides
            alive(QUIET)


def _read_pictures(location: str, found: dict[str, Any]) -> None:
    """The same for pictures, which have neither times nor a container that could claim anything.

    Raises:
        DecodeError: A picture is missing or damaged.
    """
    from internvideo_pl.video.sources import open_source  # brings PyTorch, which files can do without

    source = open_source(location)
    count = source.num_frames()
    height, width = source.frames([0]).shape[1:3]
    found |= {"frames": count, "width": width, "height": height, "codec": "pictures"}
    source.check()
