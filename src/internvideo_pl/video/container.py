"""Opening a video, whether it is a file of its own or lies in something else (a tar shard, an object behind a URL)."""

import os
import stat
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import av
from av.container import InputContainer
from av.stream import Disposition

from internvideo_pl.video.deadline import check_deadline
from internvideo_pl.video.faults import DecodeError

# Formats that hold videos. Others are refused: a text file that is named .mp4 could be a playlist, which would make
# FFmpeg read whatever it names, over the network too.
FORMATS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "gif", "flv", "ogg", "asf", "h264", "hevc", "m4v"),
    *("av1", "obu", "ivf", "mxf", "nut", "dv", "apng", "rm", "vob", "wtv", "nsv", "yuv4mpegpipe", "mjpeg", "vc1"),
)
# A damaged file may claim pictures of any size; 8K has half as many pixels.
MAX_PIXELS = 2**26
SAFE = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}
# MP4 and QuickTime files say at their head what FFmpeg otherwise learns by decoding the first pictures, which takes
# 2.5 ms of a 340x256 file and 19 ms of a 720p one. These options are for that search alone, not for the decoder.
WITHOUT_SEARCH = {"skip_frame": "all", "analyzeduration": "1"}
MP4_MARK = b"ftyp"  # bytes 4 to 8 of such a file
# An H.264 stream that does not say how far it reorders its pictures is held back as far as its level allows. FFmpeg
# would guess, and drop pictures where its guess is too low.
STRICT = {"strict": "strict"}
DECODER = {"max_pixels": str(MAX_PIXELS)}


class VideoSource(Protocol):
    """A video that is not a file of its own."""

    @property
    def name(self) -> str:
        """What errors and ledgers call it, such as `train-0003.tar#abc.mp4`."""

    @property
    def key(self) -> Hashable:
        """Tells contents apart in caches: as long as it is the same, so are the bytes."""

    def open(self) -> BinaryIO:
        """A seekable binary stream at its beginning; the reader closes it.

        Raises:
            OSError: it cannot be reached.
            DecodeError: likewise, in the source's own words.
        """


Video = str | os.PathLike | VideoSource


def name_of(video: Video) -> str:
    """What errors and ledgers call a video: a file's path, or the name that its source gives."""
    return os.fspath(video) if isinstance(video, str | os.PathLike) else video.name


def key_of(video: Video) -> Hashable:
    """A name for this very content: of a file the path, size in bytes and time of last change in nanoseconds.

    Raises:
        DecodeError: there is no such file, or nothing in it.
    """
    if not isinstance(video, str | os.PathLike):
        return video.key
    try:
        status = os.stat(video)
    except OSError as error:
        raise DecodeError(video, (error.strerror or "cannot be read").lower()) from error
    if stat.S_ISDIR(status.st_mode):
        raise DecodeError(video, "is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
        raise DecodeError(video, "is not a regular file")
    if status.st_size == 0:
        raise DecodeError(video, "the file is empty")
    return os.fspath(video), status.st_size, status.st_mtime_ns


class OpenVideo:
    """A container that is open at its best video stream.

    Attributes:
        name: what errors call it.
        container: as FFmpeg opened it.
        stream: the best of its video streams, with one decoding thread: inside data-loader workers more threads cost
            more processor time per clip than they save.
        size: height and width as the container has them, in pixels.
        at_start: whether no packet has been read yet.
    """

    def __init__(self, video: Video) -> None:
        self.name = name_of(video)
        self.at_start = True
        self._file, source = _bytes_of(video)
        try:
            self.container = self._open(source)
            self.stream = self._best_stream()
            self.size = self.stream.codec_context.height, self.stream.codec_context.width
        except BaseException:
            self._file.close()
            raise

    def packets(self) -> Iterator[av.Packet]:
        """The stream's packets from where it stands to the end.

        Raises:
            DecodeError: reading this video has taken too long.
        """
        self.at_start = False
        packets = self.container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, IndexError):  # PyAV's words for the end; the latter where streams have turned up
                return
            check_deadline()
            if packet.size:  # the demultiplexer marks the end with an empty one
                yield packet

    def frames(self) -> Iterator[av.VideoFrame]:
        """The stream's frames from where it stands to the end, in the order in which they are shown."""
        for packet in self.packets():
            yield from self.stream.decode(packet)
        yield from self.stream.decode(None)

    @contextmanager
    def bytes(self) -> Iterator[BinaryIO]:
        """The video's bytes, at any position; FFmpeg, which may read from them too, finds its place again."""
        place = self._file.tell()
        try:
            yield self._file
        finally:
            self._file.seek(place)

    def close(self) -> None:
        """Frees it."""
        self.container.close()
        self._file.close()

    def _open(self, source: str | BinaryIO) -> InputContainer:
        head = self._file.read(8)
        self._file.seek(0)
        if head[4:] == MP4_MARK:
            container = _container(source, SAFE | WITHOUT_SEARCH)
            if len(container.streams.video) <= 1:
                return container
            container.close()  # which of several streams is the best is known by the search alone
            self._file.seek(0)
        return _container(source, SAFE)

    def _best_stream(self) -> av.VideoStream:
        stream = self.container.streams.best("video")
        if not isinstance(stream, av.VideoStream) or stream.disposition & Disposition.attached_pic:
            raise DecodeError(self.name, "holds no video stream")
        if stream.codec_context is None:
            raise DecodeError(self.name, "holds a video stream that no decoder knows")
        stream.thread_count = 1
        stream.codec_context.options = DECODER | (STRICT if stream.codec_context.name == "h264" else {})
        return stream


def _bytes_of(video: Video) -> tuple[BinaryIO, str | BinaryIO]:
    """A video's bytes, and what FFmpeg is to read: of a file the path, as it then reads without Python."""
    if isinstance(video, str | os.PathLike):
        return Path(video).open("rb"), f"file:{os.fspath(video)}"
    file = video.open()
    return file, file


def _container(source: str | BinaryIO, options: dict[str, str]) -> InputContainer:
    return av.open(source, "r", options=options, metadata_errors="ignore")


@contextmanager
def open_video(video: Video, kept: bool = False) -> Iterator[OpenVideo]:
    """A video, open for the length of the block.

    The one that a thread used last stays open, since the next read is often of the same file: its index, then its
    frames, then the frames of its next view.

    Args:
        video: a file, or where else a video lies.
        kept: may be the one that was used last, standing anywhere; otherwise it stands at its beginning.

    Raises:
        DecodeError: whatever is found wrong, then or later inside the block.
    """
    doing = "opened"
    try:
        key = key_of(video)
        opened = _slot.take(key)
        if opened is not None and not (kept or opened.at_start):
            opened.close()
            opened = None
        opened = opened or OpenVideo(video)
        doing = "decoded"
        try:
            yield opened
        except BaseException:
            opened.close()
            raise
        _slot.put(key, opened)
    except (av.FFmpegError, OSError) as error:
        words = (error.strerror or type(error).__name__).lower()
        if doing == "opened" and isinstance(error, av.ArgumentError):  # what FFmpeg says of a format that is left out
            words = "its format holds no video"
        raise DecodeError(name_of(video), f"cannot be {doing}: {words}") from error


class _Slot(threading.local):
    """The video that a thread used last."""

    opened: OpenVideo | None = None
    key: Hashable = None

    def take(self, key: Hashable) -> OpenVideo | None:
        """The video of this content, if it is the one; any other is closed."""
        opened, self.opened = self.opened, None
        if opened is not None and key != self.key:
            opened.close()
            return None
        return opened

    def put(self, key: Hashable, opened: OpenVideo) -> None:
        if self.opened is not None:  # two were in use at once
            self.opened.close()
        self.key, self.opened = key, opened


_slot = _Slot()


def close_kept() -> None:
    """Closes the video that this thread used last."""
    opened = _slot.take(None)
    if opened is not None:
        opened.close()


def _forget() -> None:
    """A fork shares the position in an open file with its parent: both would read nonsense."""
    _slot.opened = None


os.register_at_fork(after_in_child=_forget)
