"""The lists of AVA and AVA-Kinetics: boxes with actions, action names, excluded key frames, detected persons.

Rows have no header. A list of boxes has
    video_id,timestamp,x1,y1,x2,y2,action_id,person_id     AVA: whole seconds from the film's start, as 0902
    youtube_id,timestamp,x1,y1,x2,y2,action_id             Kinetics' part: seconds of the YouTube video, six decimals
one row a box and action, with the box as shares of the frame; a row of the first two columns alone is a key frame
without anybody. Detections are rows of SlowFast's files,
    video_id,timestamp,x1,y1,x2,y2,,score
or COCO results in JSON (AlphAction), whose image numbers another JSON file explains.
"""

import json
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from internvideo_pl.data.official import plain
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError

Key = tuple[str, int]  # video, microseconds: the official evaluator compares six decimals
LISTED = range(1, 81)  # action ids
SECONDS = range(902, 1799)  # of AVA's key frames
SLACK = 0.01  # by which a detector's box may leave the frame: it is cut off; lists are taken by the letter
NAME, NUMBER = re.compile(r'\s*name:\s*"(?P<name>.*)"\s*'), re.compile(r"\s*(?:label_)?id:\s*(?P<id>\d+)\s*")


@dataclass
class KeyFrame:
    """A key frame of an official list.

    Attributes:
        video: Its id.
        time: Seconds as the list counts them.
        boxes: x1, y1, x2, y2 as shares of the frame.
        actions: Ids of each box.
        people: Id of each box's person within the video; -1 where the list has none.
    """

    video: str
    time: float
    boxes: list[list[float]] = field(default_factory=list)
    actions: list[list[int]] = field(default_factory=list)
    people: list[int] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """What the official evaluator tells key frames by."""
        return key_of(self.video, self.time)


Detections = dict[Key, list[tuple[list[float], float]]]  # box and score


def key_of(video: str, time: float) -> Key:
    """A key frame's key, with the time to six decimals."""
    return video, round(time * 1_000_000)


@dataclass
class BadRows:
    """What is done with rows that cannot be right: refused at the first, or left out and told of.

    Attributes:
        skip: Whether they are left out.
        faults: Those that were, by file and line.
    """

    skip: bool = False
    faults: list[DecodeError] = field(default_factory=list)

    def add(self, path: Path, line: int, reason: str) -> None:
        """One more.

        Raises:
            UserError: They are not to be left out.
        """
        if not self.skip:
            raise UserError(
                f"{path}, line {line}: {reason}; repair the row, or leave such rows out with data.skip_bad_rows=true"
            )
        self.faults.append(DecodeError(f"{path}, line {line}", reason))


def read_actions(path: Path) -> dict[int, str]:
    """Names by id of an action list (pbtxt), in its order.

    Raises:
        UserError: It is not such a list, or an id is not one of AVA's or comes twice.
    """
    names: dict[int, str] = {}
    name = ""
    for line, text in _lines(path, BadRows()):
        if match := NAME.fullmatch(text):
            name = match["name"]
        elif match := NUMBER.fullmatch(text):
            number = int(match["id"])
            if number not in LISTED or number in names or not name:
                raise UserError(f"{path}, line {line}: id {number} is not 1 to 80, or comes twice, or has no name")
            names[number], name = name, ""
    if not names:
        raise UserError(f"{path} is not an action list: it has no line such as `  id: 12`")
    return names


def read_key_frames(
    path: Path, columns: Collection[int], bad: BadRows, seconds: Collection[int] | None = None
) -> dict[Key, KeyFrame]:
    """The key frames of a list of boxes, in its order.

    Args:
        path: The list.
        columns: How many a row may have; 2 for key frames without anybody.
        bad: What is done with bad rows.
        seconds: The only times that there may be; None for any.

    Raises:
        UserError: A row is bad and not to be left out.
    """
    frames: dict[Key, KeyFrame] = {}
    places: dict[tuple[Any, ...], int] = {}  # of a person's box among its key frame's
    for line, text in _lines(path, bad):
        try:
            video, time, box, action, person = _row(text, columns, seconds)
            frame = frames.setdefault(key_of(video, time), KeyFrame(video, time))
            if box is not None:
                _add(frame, places, box, action, person)
        except ValueError as error:
            bad.add(path, line, str(error))
    return frames


def read_excluded(path: Path) -> set[Key]:
    """Key frames that do not count, of a list `video_id,timestamp`.

    Raises:
        UserError: A row is another.
    """
    rows, keep = set(), BadRows()
    for line, text in _lines(path, keep):
        try:
            video, time, *_ = _row(text, (2,), None)
            rows.add(key_of(video, time))
        except ValueError as error:
            keep.add(path, line, str(error))
    return rows


def read_detections(path: Path, least: float) -> Detections:
    """Detected persons by key frame, best first, of a CSV or JSON file.

    Args:
        path: The file.
        least: Score below which one is left out.

    Raises:
        UserError: The file is of another kind, or a row cannot be right.
    """
    if path.suffix == ".pkl":
        raise UserError(
            f"{path} is a pickle, which may run code and is not read: take the same boxes as SlowFast's CSV, or write "
            "rows video_id,timestamp,x1,y1,x2,y2,,score"
        )
    rows = _coco_rows(path) if path.suffix == ".json" else _csv_rows(path)
    found: Detections = {}
    for line, video, time, box, score in rows:
        if not (0 <= score <= 1 and all(-SLACK <= side <= 1 + SLACK for side in box)):
            raise UserError(
                f"{path}, {line}: score {score} or box {box} is not within 0 to 1; boxes are shares of frames"
            )
        if score >= least:
            found.setdefault(key_of(video, time), []).append(([min(max(side, 0.0), 1.0) for side in box], score))
    return {key: sorted(boxes, key=lambda found: -found[1]) for key, boxes in found.items()}


def _lines(path: Path, bad: BadRows) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is not blank."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                try:
                    text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip("\r\n")
                except UnicodeDecodeError:
                    bad.add(path, number, "is not UTF-8")
                    continue
                if text.strip():
                    yield number, text
    except OSError as error:
        raise UserError(f"{path} cannot be read: {(error.strerror or 'unknown error').lower()}") from error


def _row(
    text: str, columns: Collection[int], seconds: Collection[int] | None
) -> tuple[str, float, list[float] | None, int, int]:
    """Video, time, box, action, person of a row; no box where there is nobody.

    Raises:
        ValueError: What is wrong with it.
    """
    cells = text.split(",")
    if len(cells) not in columns:
        raise ValueError(f"{len(cells)} columns instead of {' or '.join(map(str, sorted(columns)))}")
    video, time = cells[0].strip(), _number(cells[1], "timestamp")
    if not plain(video) or time < 0 or (seconds is not None and time not in seconds):
        raise ValueError(f"there can be no key frame at {cells[1]!r} of video {cells[0]!r}")
    if len(cells) == 2:
        return video, time, None, 0, -1
    box = [_number(cell, "box") for cell in cells[2:6]]
    if not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
        raise ValueError(f"box {','.join(cells[2:6])} is not x1 < x2, y1 < y2 within the frame, 0 to 1")
    action = int(cells[6]) if cells[6].strip().isdecimal() else 0
    if action not in LISTED:
        raise ValueError(f"action {cells[6]!r} is unknown; ids are 1 to 80")
    if len(cells) == 8 and not cells[7].strip().isdecimal():
        raise ValueError(f"person {cells[7]!r} is not a number")
    return video, time, box, action, int(cells[7]) if len(cells) == 8 else -1


def _number(cell: str, what: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{what} {cell!r} is not a number")
    return value


def _add(frame: KeyFrame, places: dict[tuple[Any, ...], int], box: list[float], action: int, person: int) -> None:
    place = places.setdefault((frame.key, *box, person), len(frame.boxes))
    if place == len(frame.boxes):
        frame.boxes.append(box)
        frame.actions.append([])
        frame.people.append(person)
    if action in frame.actions[place]:
        raise ValueError(f"action {action} of this box was listed before")
    frame.actions[place].append(action)


def _csv_rows(path: Path) -> Iterator[tuple[str, str, float, list[float], float]]:
    for line, text in _lines(path, BadRows()):
        cells = text.split(",")
        if len(cells) != 8:
            raise UserError(
                f"{path}, line {line}: {len(cells)} columns instead of video_id,timestamp,x1,y1,x2,y2,,score"
            )
        try:
            time, *box = (_number(cell, "value") for cell in cells[1:6])
            yield f"line {line}", cells[0].strip(), time, box, _number(cells[7], "score")
        except ValueError as error:
            raise UserError(f"{path}, line {line}: {error}") from error


def _coco_rows(path: Path) -> Iterator[tuple[str, str, float, list[float], float]]:
    """Rows of COCO results, whose boxes are x, y, width, height in pixels (or shares, as in Kinetics' part)."""
    results, images = _json(path), _images_of(path)
    for number, result in enumerate(results):
        try:
            movie, time, width, height = images[result["image_id"]]
            left, top, wide, high = (float(side) for side in result["bbox"])
            if max(left, top, wide, high) <= 1:
                width = height = 1.0
            box = [left / width, top / height, (left + wide) / width, (top + high) / height]
            yield f"record {number}", movie, time, box, float(result["score"])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path}, record {number}: it is not {{image_id, bbox, score}} of an image of its list ({error!r})"
            ) from error


def _images_of(path: Path) -> dict[Any, tuple[str, float, float, float]]:
    """Video, time, width, height of every image number, from the `*_min.json` files beside the detections."""
    found: dict[Any, tuple[str, float, float, float]] = {}
    for beside in sorted(path.parent.glob("*_min.json")):
        try:
            for image in _json(beside)["images"]:
                size = float(image["width"]), float(image["height"])
                found[image["id"]] = str(image["movie"]), float(image["timestamp"]), *size
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{beside}: its images are not {{id, movie, timestamp, width, height}} ({error!r})"
            ) from error
    if not found:
        raise UserError(f"{path} numbers its images: put the *_min.json list of images beside it")
    return found


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON: {error}") from error
