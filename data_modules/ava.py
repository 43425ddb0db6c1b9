"""AVA v2.2: who does what in films, boxes with actions on one key frame a second of fifteen minutes.

Lists are rows of `ava_lists`; a box has one or several of 80 actions, of which 60 are scored. Tests read the boxes that
a person detector found, from a file of its own; training reads the official ones. Videos are whole films (`videos/`),
the fifteen minutes from second 900 on (`videos_15min/`), or their frames at 30 a second (`frames/<id>/`).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from data_modules.ava_lists import (
    LISTED,
    SECONDS,
    BadRows,
    Detections,
    Key,
    KeyFrame,
    read_actions,
    read_detections,
    read_excluded,
    read_key_frames,
)
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.boxes import overlaps
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.keyframe_data import KeyframeData, OfficialBoxes
from internvideo_pl.data.module import Split
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources.excerpt import excerpt_location

AVA = DatasetFacts(
    name="AVA v2.2",
    task="spatio-temporal action localisation",
    num_classes=80,
    # Key frames: 235 and 64 videos of 897 each (seconds 902 to 1798), less the excluded ones. The labels of the 131
    # test videos were never published.
    splits={"train": 210_634, "val": 57_371},
    url="https://research.google.com/ava",
    licence="CC BY 4.0",
    terms="annotations CC BY 4.0; the films belong to their owners",
    layout=(
        "annotations/ava_{train,val}_v2.2.csv, ava_{train,val}_excluded_timestamps_v2.2.csv, "
        "ava_action_list_v2.2.pbtxt, ava_action_list_v2.2_for_activitynet_2019.pbtxt, ava_val_predicted_boxes.csv (a "
        "person detector's) and videos/<id>.{mp4,mkv,webm}, videos_15min/<id>.mp4 or frames/<id>/<id>_000001.jpg"
    ),
    defects=(
        "action ids start at 1, and the 60 scored ones leave gaps",
        "a box is repeated for each of its actions",
        "excluded key frames must leave the truth and the detections alike",
    ),
)

LIST_FOLDERS = ("annotations", ".")
ACTIONS = ("ava_action_list_v2.2.pbtxt", "ava_action_list_v2.1.pbtxt")
SCORED = (
    "ava_action_list_v2.2_for_activitynet_2019.pbtxt",
    "ava_action_list_v2.1_for_activitynet_2018.pbtxt",
    "ava_action_list_v2.1_for_activitynet_2018.pbtxt.txt",
)
DETECTED = (
    "ava_val_predicted_boxes.csv",
    "person_box_67091280_iou90/ava_detection_val_boxes_and_labels.csv",  # as SlowFast's archive unpacks
    "ava_val_det_person_bbox.json",  # AlphAction's
)
START = 900.0  # second of the film at which fifteen-minute cuts and frames begin: the public preparation scripts
PICTURE_RATE = 30.0  # frames a second of the frames' folders: likewise
# folder: (second of the film at which its videos begin, frames a second of folders of pictures)
MOVIES: dict[str, tuple[float, float | None]] = {
    "videos": (0.0, None),
    "trainval": (0.0, None),
    "videos_15min": (START, None),
    "frames": (START, PICTURE_RATE),
    "rawframes": (START, PICTURE_RATE),
}
SUFFIXES = {".mp4", ".mkv", ".webm", ".avi"}


@dataclass(frozen=True)
class Place:
    """Where a key frame is on disk.

    Attributes:
        path: The video, or its folder of pictures.
        at: Second of that at which the key frame is shown.
        rate: Pictures a second of a folder.
    """

    path: Path
    at: float
    rate: float | None = None


def find_movies(root: Path) -> dict[str, tuple[Path, float, float | None]]:
    """Every film below a folder by its id: where it is, the second at which it begins, its pictures a second."""
    found: dict[str, tuple[Path, float, float | None]] = {}
    for folder, (start, rate) in MOVIES.items():
        inside = sorted((root / folder).iterdir()) if (root / folder).is_dir() else []
        for path in inside:
            is_movie = path.is_dir() if rate else path.suffix.lower() in SUFFIXES
            if is_movie:
                found.setdefault(path.name if rate else path.stem, (path, start, rate))
    return found


class Ava(KeyframeData):
    """AVA for spatio-temporal localisation, tested on the validation list."""

    facts = AVA

    @property
    def test_list(self) -> str:
        """The list behind the test loader: the one whose labels are published."""
        return "val"

    @property
    def protocol(self) -> dict[str, str | int]:
        """What of the reading must agree for two numbers to be comparable."""
        return super().protocol | {"detections": self._detector_file.name}

    @cached_property
    def _names(self) -> dict[int, str]:
        return read_actions(self._file(*ACTIONS))

    @property
    def classes(self) -> list[str]:
        """Names of all 80 actions; the action of id i is number i - 1."""
        return [self._names.get(number, f"action {number}") for number in LISTED]

    @property
    def scored(self) -> tuple[int, ...]:
        """Ids of the actions that the metric counts."""
        return tuple(sorted(read_actions(self._file(*SCORED))))

    def official_boxes(self) -> OfficialBoxes:
        """See `KeyframeData`; excluded key frames are not among them."""
        frames = self._frames("val")
        rows = [
            (number, box, action)
            for number, frame in enumerate(frames)
            for box, actions in zip(frame.boxes, frame.actions, strict=True)
            for action in actions
        ]
        return OfficialBoxes(
            frame=np.array([row[0] for row in rows], dtype=np.int64),
            box=np.array([row[1] for row in rows], dtype=np.float64).reshape(-1, 4),
            label=np.array([row[2] for row in rows], dtype=np.int64),
            num_frames=len(frames),
            scored=self.scored,
        )

    def read(self, split: str) -> Split:
        """The key frames of a list, those of the test list with the detector's boxes.

        Raises:
            UserError: A list is not there, or a row of it is bad.
        """
        listed = "train" if split == "train" else "val"
        frames, found = self._frames(listed), Split(faults=self._bad[listed].faults)
        detections = self._detections(listed)
        for number, frame in enumerate(frames):
            if listed == "train" and not frame.boxes:
                continue
            name, place = f"{frame.video},{frame.time:.6f}".rstrip("0").rstrip("."), self._place(frame)
            if place is None:
                found.missing.append(name)
                continue
            near = detections.get(frame.key, [])
            known = self._training(frame, near) if listed == "train" else self._test(number, near)
            known |= {"at": place.at} | ({"rate": place.rate} if place.rate else {})
            found.samples.append(Sample(self._stretch(place), name, annotation=known))
        return found

    def _frames(self, listed: str) -> list[KeyFrame]:
        """The key frames of "train" or "val" that count, in the list's order; read once."""
        if listed not in self._kept:
            bad = self._bad[listed] = BadRows(self.config.skip_bad_rows)
            self._kept[listed] = self._read_frames(listed, bad)
        return self._kept[listed]

    @cached_property
    def _kept(self) -> dict[str, list[KeyFrame]]:
        return {}

    @cached_property
    def _bad(self) -> dict[str, BadRows]:
        return {}

    def _read_frames(self, listed: str, bad: BadRows) -> list[KeyFrame]:
        frames = read_key_frames(self._file(f"ava_{listed}_v2.2.csv"), (2, 8), bad, SECONDS)
        excluded: set[Key] = read_excluded(self._file(f"ava_{listed}_excluded_timestamps_v2.2.csv"))
        return [frame for key, frame in frames.items() if key not in excluded]

    @cached_property
    def _movies(self) -> dict[str, tuple[Path, float, float | None]]:
        return find_movies(self.root)

    def _place(self, frame: KeyFrame) -> Place | None:
        if frame.video not in self._movies:
            return None
        path, start, rate = self._movies[frame.video]
        return Place(path, frame.time - start, rate)

    @property
    def _detector_file(self) -> Path:
        return self.config.detections or self._file(*DETECTED)

    def _detections(self, listed: str) -> Detections:
        path = self.config.train_detections if listed == "train" else self._detector_file
        return read_detections(path, self.config.detection_score) if path is not None else {}

    def _training(self, frame: KeyFrame, near: list[tuple[list[float], float]]) -> dict[str, object]:
        """Official boxes, and those detected ones that lie on one of them."""
        boxes, actions = list(frame.boxes), list(frame.actions)
        for box, _ in near:
            share = overlaps(np.array([box]), np.array(frame.boxes))[0]
            if share.max() >= self.config.train_overlap:
                boxes.append(box)
                actions.append(frame.actions[int(share.argmax())])
        return {"boxes": boxes, "actions": actions}

    @staticmethod
    def _test(number: int, near: list[tuple[list[float], float]]) -> dict[str, object]:
        return {"frame": number, "boxes": [box for box, _ in near], "scores": [score for _, score in near]}

    def _stretch(self, place: Place) -> str:
        half = self.config.num_frames * self.config.stride / self.config.frame_rate / 2
        return excerpt_location(place.path, max(place.at - half, 0.0), place.at + half)

    def _file(self, *names: str) -> Path:
        """The first of these files that is there.

        Raises:
            UserError: None is.
        """
        if self.config.shards is not None:
            raise UserError("key frames are read out of whole videos: leave data.shards out")
        paths = (self.root / folder / name for name in names for folder in LIST_FOLDERS)
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise self.facts.absent(self.root, names[0])
        return path
