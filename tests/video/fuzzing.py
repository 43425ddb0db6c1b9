"""Reads damaged videos in a process of its own; run by test_fuzz.py.

    python fuzzing.py <folder of sound videos> <number of the first file> <number of files>

Each damaged file is a pure function of its number. Every read must give frames of the right number, or a DecodeError.
Prints a JSON object: files, how many of them could be read, seconds of the slowest, the memory held at each tenth of
the way, and what went wrong.
"""

import ctypes
import gc
import json
import os
import random
import resource
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import torch

from internvideo_pl.video import packets
from internvideo_pl.video.deadline import set_limit
from internvideo_pl.video.decode import DecodeError, check, frame_times, num_frames, read_frames, read_timestamps

PAGE = os.sysconf("SC_PAGE_SIZE")
PATIENCE = 60.0  # seconds after which a file counts as hanging


def truncate(data: bytearray, rng: random.Random, _: list[Path]) -> bytearray:
    return data[: rng.randrange(1, len(data))]


def flip_bits(data: bytearray, rng: random.Random, _: list[Path]) -> bytearray:
    for _ in range(rng.choice([1, 3, 10, 100])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def flip_head(data: bytearray, rng: random.Random, _: list[Path]) -> bytearray:
    """Where a container keeps its tables: the first and the last two kilobytes."""
    for _ in range(rng.choice([1, 3, 10])):
        place = rng.randrange(min(2048, len(data)))
        data[place if rng.random() < 0.5 else len(data) - 1 - place] = rng.choice([0, 1, 127, 128, 255, 256]) % 256
    return data


def overwrite(data: bytearray, rng: random.Random, _: list[Path]) -> bytearray:
    size = rng.choice([4, 64, 1024])
    place = rng.randrange(len(data))
    data[place : place + size] = rng.choice([rng.randbytes(size), bytes(size), b"\xff" * size])
    return data


def cut_out(data: bytearray, rng: random.Random, _: list[Path]) -> bytearray:
    place = rng.randrange(len(data))
    del data[place : place + rng.choice([1, 7, 188, 4096])]
    return data


def repeat(data: bytearray, rng: random.Random, _: list[Path]) -> bytearray:
    place = rng.randrange(len(data))
    data[place:place] = data[place : place + rng.choice([8, 188, 4096])]
    return data


def splice(data: bytearray, rng: random.Random, sound: list[Path]) -> bytearray:
    """The beginning of one file and the end of another."""
    other = rng.choice(sound).read_bytes()
    return data[: rng.randrange(1, len(data))] + other[rng.randrange(len(other)) :]


def rename(data: bytearray, rng: random.Random, _: list[Path]) -> bytearray:
    """Nothing but another ending; see `damaged`."""
    return data


DAMAGES = (truncate, flip_bits, flip_bits, flip_head, flip_head, overwrite, cut_out, repeat, splice, rename)


def damaged(number: int, sound: list[Path], folder: Path) -> Path:
    rng = random.Random(number)
    source = sound[number % len(sound)]
    damage = DAMAGES[number // len(sound) % len(DAMAGES)]
    ending = rng.choice(sound).suffix if damage is rename else source.suffix
    path = folder / f"{number}{ending}"
    path.write_bytes(damage(bytearray(source.read_bytes()), rng, sound))
    return path


def read(path: Path, rng: random.Random) -> bool:
    """Reads in every way; whether any frame came."""
    count = num_frames(path)
    assert len(frame_times(path)) == count > 0
    came = False
    plans = ([0], [count - 1], sorted(rng.randrange(count) for _ in range(4)), range(0, count, 3))
    for indices in plans:
        try:
            frames = read_frames(path, indices, rng.choice([None, 24]))
        except DecodeError:
            continue
        assert frames.dtype == torch.uint8
        assert len(frames) == len(indices)
        came = True
    for work in (lambda: read_timestamps(path, [0.1, 0.7]), lambda: check(path)):
        try:
            work()
        except DecodeError:
            continue
    return came


def resident() -> int:
    """Bytes of memory that this process holds, without what it has freed and the allocator keeps for later."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def main(folder: str, first: int, count: int) -> None:
    torch.set_num_threads(1)
    set_limit(PATIENCE)
    packets._indices.limit = 2**20  # or the indices that are kept would look like a leak
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sound = sorted(Path(folder).iterdir())
    readable, slowest, held, failed, current = 0, (0.0, ""), [], [], [""]
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(first, first + count):
            path = damaged(number, sound, Path(scratch))
            current[0] = path.name
            alarm = threading.Timer(2 * PATIENCE, lambda: (print(f"hangs: {current[0]}", flush=True), os._exit(3)))
            alarm.start()
            started = time.monotonic()
            try:
                readable += read(path, random.Random(number))
            except DecodeError as error:
                if error.path != str(path) or not error.reason or "\n" in error.reason:
                    failed.append(f"{path.name}: {error!r} does not name the file and one reason")
            except Exception:  # whatever else it is, a run would end with it
                failed.append(f"{path.name}: {traceback.format_exc(limit=-4)}")
            alarm.cancel()
            slowest = max(slowest, (time.monotonic() - started, path.name))
            path.unlink()
            if (number - first + 1) % max(count // 10, 1) == 0:
                held.append(resident())
    print(json.dumps({"files": count, "readable": readable, "slowest": slowest, "held": held, "failed": failed}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
