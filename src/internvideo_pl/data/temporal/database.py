"""JSON lists in the shape of ActivityNet's: `{"database": {"<id>": {"subset", "duration", "annotations": [...]}}}`.

HACS Segments and FineAction have the same shape; where theirs differs (durations as strings, more keys) is read as
well.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from internvideo_pl.data.listed_videos import check_name
from internvideo_pl.data.official import read_json
from internvideo_pl.data.temporal.annotation import Instance, Untrimmed, stretch
from internvideo_pl.errors import UserError, hint


def read_database(path: Path, subsets: Sequence[str]) -> list[Untrimmed]:
    """All videos of a list, in its order.

    Args:
        path: The JSON file.
        subsets: Words that the list has for its splits.

    Raises:
        UserError: The file is not such a list, or an entry of it is not sound; the sentence names the video and which
            of its annotations.
    """
    content = read_json(path, lambda pairs: _object(pairs, path))
    database = content.get("database") if isinstance(content, dict) else None
    if not isinstance(database, dict):
        raise UserError(f'{path}: an ActivityNet-like list is an object with the key "database"; get the official file')
    return [_video(key, entry, path, subsets) for key, entry in database.items()]


def class_names(videos: Sequence[Untrimmed]) -> list[str]:
    """The classes in label order: the names that occur, in ASCII order (no list has an official index)."""
    return sorted({each.label for video in videos for each in video.instances})


def _object(pairs: list[tuple[str, Any]], path: Path) -> dict[str, Any]:
    """An object of which no key stands twice: JSON readers would keep the last in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{path}: {twice!r} stands there twice; take one out")
    return found


def _video(key: str, entry: Any, path: Path, subsets: Sequence[str]) -> Untrimmed:
    where = f"{path}, video {key}"
    check_name(key, where)
    if not isinstance(entry, dict):
        raise UserError(f"{where}: its entry is {entry!r}, not an object; get the official file")
    subset, annotations = entry.get("subset"), entry.get("annotations")
    if not isinstance(subset, str) or subset not in subsets:
        raise UserError(f"{where}: subset {subset!r} is none of the list's.{hint(str(subset), subsets)}")
    if annotations is None:
        annotations = []
    if not isinstance(annotations, list):
        raise UserError(f"{where}: annotations must be a list, not {annotations!r}; get the official file")
    instances = [_instance(each, f"{where}, annotation {i}") for i, each in enumerate(annotations, 1)]
    return Untrimmed(key, subset, tuple(instances), _duration(entry.get("duration"), where))


def _instance(entry: Any, where: str) -> Instance:
    label = entry.get("label") if isinstance(entry, dict) else None
    segment = entry.get("segment") if isinstance(entry, dict) else None
    if not isinstance(label, str) or not label or not isinstance(segment, list) or len(segment) != 2:
        raise UserError(f'{where}: it must have a "label" and a "segment" of start and end, not {entry!r}; mend it')
    start, end = stretch(segment[0], segment[1], where)
    return Instance(start, end, label)


def _duration(value: Any, where: str) -> float | None:
    """Seconds; HACS writes them as a string."""
    if value is None:
        return None
    return stretch(0, value, f"{where}, duration")[1]
