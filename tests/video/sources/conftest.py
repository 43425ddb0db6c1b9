"""Videos in every kind of place, and what a plain decode says that they show."""

import functools
import http.server
import io
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.clips import write_video


@pytest.fixture
def clip(tmp_path) -> Path:
    """An H.264 file of 20 frames."""
    write_video(tmp_path / "clip.mp4", frames=20)
    return tmp_path / "clip.mp4"


@pytest.fixture
def write_pictures(tmp_path) -> Callable[..., Path]:
    """A function that writes a folder of numbered pictures, each one different."""

    def write(name: str = "frames", pattern: str = "{:05d}.jpg", count: int = 6, first: int = 1, size=(48, 64)) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            Image.fromarray(scene(number, *size)).save(folder / pattern.format(number), quality=95)
        return folder

    return write


def scene(number: int, height: int, width: int) -> np.ndarray:
    """uint8 (H, W, 3): smooth, so that JPEG keeps it, and of its own colour for each number."""
    y, x = np.mgrid[:height, :width]
    planes = [(x * 2 + number * 20) % 200, y * 3 % 200, np.full_like(x, 30 + number * 15 % 200)]
    return np.stack(planes, axis=-1).astype(np.uint8)


@pytest.fixture
def write_tar(tmp_path) -> Callable[..., Path]:
    """A function that packs (name, content) pairs, or ready headers, into a tar archive."""

    def write(*members: tuple[str, bytes] | tarfile.TarInfo, name: str = "shard.tar", mode: str = "w") -> Path:
        with tarfile.open(tmp_path / name, mode) as archive:
            for member in members:
                if isinstance(member, tarfile.TarInfo):
                    archive.addfile(member)
                else:
                    header = tarfile.TarInfo(member[0])
                    header.size = len(member[1])
                    archive.addfile(header, io.BytesIO(member[1]))
        return tmp_path / name

    return write


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and ranges of them, and remembers what was asked for."""

    asked: list[str]
    broken: dict[str, int]  # how often a path answers with an error before it works
    pause = 0.0  # seconds before each tenth of a file

    def log_message(self, *_) -> None:
        pass

    def copyfile(self, source, outputfile) -> None:
        data = source.read()
        step = max(len(data) // 10, 1)
        for first in range(0, len(data), step):
            time.sleep(self.pause)
            outputfile.write(data[first : first + step])

    def send_head(self):
        name = self.path.lstrip("/")
        if self.command == "GET":
            self.asked.append(name + self.headers.get("Range", ""))
        if self.broken.get(name, 0):
            self.broken[name] -= 1
            self.send_error(503)
            return None
        wanted = self.headers.get("Range")
        path = Path(self.translate_path(self.path))
        if not wanted or not path.is_file():
            return super().send_head()
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        data = path.read_bytes()
        part = data[int(first) : int(last) + 1 if last else None]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        return io.BytesIO(part)


@pytest.fixture
def server(tmp_path) -> Iterator[tuple[str, type[_Quiet]]]:
    """An HTTP server over tmp_path on this machine: its address, and its handler's class with what was asked for."""
    handler = type("Handler", (_Quiet,), {"asked": [], "broken": {}})
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(tmp_path)))
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{serving.server_address[1]}", handler
    serving.shutdown()
    serving.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> Path:
    """Copies of remote files go below tmp_path."""
    monkeypatch.setenv("INTERNVIDEO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "downloads"
