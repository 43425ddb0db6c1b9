"""A folder's videos to vectors: each content once, in parts that fit in memory, kept as soon as a video is whole."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import torch
from rich.console import Console
from rich.progress import track
from torch.nn import functional as F

from internvideo_pl.models.kinds import wrap
from internvideo_pl.models.model import VideoModel
from internvideo_pl.models.reading import READERS, Reading
from internvideo_pl.search.store import Embedded, Store
from internvideo_pl.search.windows import Window, read_windows, windows_of
from internvideo_pl.video.faults import DecodeError

PART = 8  # windows of one video that are read and encoded together
SAVE_EVERY = 200  # files between two writings of what is known of them


@dataclass
class Collection:
    """Which files of a folder have which content.

    Attributes:
        copies: Locations by content, in the order of the folder; the first stands for all.
        faults: Videos that cannot be read, with the reason.
    """

    copies: dict[str, list[str]] = field(default_factory=dict)
    faults: list[DecodeError] = field(default_factory=list)


@dataclass(frozen=True)
class _Part:
    """Some windows of a video.

    Attributes:
        content: Of the video.
        location: Where it is.
        windows: Which windows.
        last: Whether they are its last.
    """

    content: str
    location: str
    windows: Sequence[Window]
    last: bool


def embed(model: VideoModel, locations: Sequence[str], store: Store, seconds: float) -> Collection:
    """Embeds what the store does not have; a run that is stopped goes on where it was.

    Args:
        model: Anything with `encode_video`.
        locations: Videos, as `open_source` takes them.
        store: Of this model and these windows.
        seconds: Length of a window.

    Raises:
        UserError: The store cannot be written, or the model gives what is not finite.
    """
    found = Collection()
    reading = model.config.reading
    ready = replace(reading, short_side=reading.size)  # clips come scaled and cut: nothing is left to do to them
    encoder = wrap(model.network, replace(model.config, reading=ready))
    done: list[torch.Tensor] = []
    times: list[Window] = []
    with ThreadPoolExecutor(READERS) as readers:
        for group in _groups(_parts(_contents(locations, store, found), store, seconds, found)):
            for part, clips in zip(group, readers.map(lambda part: _read(part, reading), group), strict=True):
                if isinstance(clips, DecodeError):
                    _drop(found, part, clips)
                elif part.content in found.copies:
                    done.append(F.normalize(encoder.encode_video(clips), dim=-1))
                    times += part.windows
                if part.last and part.content in found.copies:
                    spans = torch.tensor([(window.start, window.end) for window in times])
                    store.put(part.content, Embedded(torch.cat(done).numpy(), spans.numpy()))
                if part.last or part.content not in found.copies:
                    done, times = [], []
    store.keep_contents()
    return found


def _contents(locations: Sequence[str], store: Store, found: Collection) -> Iterator[tuple[str, str]]:
    """(content, location) of each content once, in the order of the folder."""
    console = Console(stderr=True)
    quiet = not console.is_terminal
    for number, location in enumerate(track(locations, "videos", console=console, disable=quiet), start=1):
        try:
            content = store.content(location)
        except DecodeError as error:
            found.faults.append(error)
            continue
        if number % SAVE_EVERY == 0:
            store.keep_contents()
        first = content not in found.copies
        found.copies.setdefault(content, []).append(location)
        if first:
            yield content, location


def _parts(contents: Iterable[tuple[str, str]], store: Store, seconds: float, found: Collection) -> Iterator[_Part]:
    """The parts of videos that are still to be embedded."""
    for content, location in contents:
        if store.has(content) and store.get(content) is not None:
            continue
        try:
            windows = windows_of(location, seconds)
        except DecodeError as error:
            found.copies.pop(content)
            found.faults.append(error)
            continue
        for first in range(0, len(windows), PART):
            yield _Part(content, location, windows[first : first + PART], first + PART >= len(windows))


def _groups(parts: Iterable[_Part]) -> Iterator[list[_Part]]:
    """As many parts as are read beside each other."""
    group: list[_Part] = []
    for part in parts:
        group.append(part)
        if len(group) == READERS:
            yield group
            group = []
    if group:
        yield group


def _read(part: _Part, reading: Reading) -> torch.Tensor | DecodeError:
    try:
        return read_windows(part.location, part.windows, reading)
    except DecodeError as error:
        return error


def _drop(found: Collection, part: _Part, fault: DecodeError) -> None:
    found.faults += [DecodeError(location, fault.reason) for location in found.copies.pop(part.content, ())]
