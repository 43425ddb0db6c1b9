"""AVA-Kinetics v1.0: AVA's films and one key frame of each of some 230,000 clips of Kinetics-700.

The Kinetics part's rows (see `ava_lists`) count seconds from the start of the YouTube video, of which a clip on disk is
ten seconds; the clip that holds the moment is the one that is read. Key frames of films come first in every list.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_modules.ava import AVA, Ava, Place
from data_modules.ava_lists import BadRows, Detections, KeyFrame, read_detections, read_key_frames
from data_modules.kinetics import VIDEO_FOLDERS, find_clips
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.keyframes import KeyframeConfig

AVA_KINETICS = DatasetFacts(
    name="AVA-Kinetics",
    task="spatio-temporal action localisation",
    num_classes=80,
    # Key frames: AVA's, and some 141 and 32 thousand of Kinetics (arXiv 2005.00214); test lists have no labels.
    splits={"train": 352_000, "val": 89_000},
    url="https://storage.googleapis.com/deepmind-media/Datasets/ava_kinetics_v1_0.tar.gz",
    licence="CC BY 4.0",
    terms="annotations CC BY 4.0; the films and videos belong to their owners",
    layout=(
        f"AVA's ({AVA.layout}) with annotations/kinetics_{{train,val}}_v1.0.csv and kinetics_val_predicted_boxes.csv, "
        "and Kinetics-700 in kinetics700/{train,val,test}/<youtube_id>_<start>_<end>.mp4"
    ),
    defects=(
        "timestamps of the Kinetics part count from the start of the YouTube video, not of the clip",
        "its rows name no person; rows of two columns are key frames without anybody, where every detection is false",
        "some YouTube ids have several clips in Kinetics-700",
        "InternVideo's release trains others in place of four broken entries, and cuts timestamps to whole seconds",
    ),
)
KINETICS_DETECTED = ("kinetics_val_predicted_boxes.csv", "kinetics_val_det_person_bbox.json")


@dataclass(kw_only=True)
class AvaKineticsConfig(KeyframeConfig):
    """Both parts' key frames as clips.

    Attributes:
        kinetics: Folder of a copy of Kinetics-700; null for `kinetics700` in the dataset's own.
        kinetics_detections: The Kinetics part's file of detected persons; null for the dataset's usual place.
        test_part: What is tested: "union" (the benchmark, with both parts by themselves), "ava" or "kinetics".
    """

    kinetics: Path | None = None
    kinetics_detections: Path | None = None
    test_part: Literal["union", "ava", "kinetics"] = "union"


class AvaKinetics(Ava):
    """AVA-Kinetics for spatio-temporal localisation, tested on the validation lists."""

    facts = AVA_KINETICS
    config: AvaKineticsConfig

    @property
    def protocol(self) -> dict[str, str | int]:
        """What of the reading must agree for two numbers to be comparable."""
        return super().protocol | {"part": self.config.test_part}

    def parts(self) -> dict[str, NDArray[np.int64]]:
        """Key frames of films and of Kinetics, where both are tested."""
        if self.config.test_part != "union":
            return {}
        clips = np.array([frame.key in self._of_kinetics for frame in self._frames("val")])
        return {"ava": np.flatnonzero(~clips), "kinetics": np.flatnonzero(clips)}

    def _read_frames(self, listed: str, bad: BadRows) -> list[KeyFrame]:
        part = "union" if listed == "train" else self.config.test_part
        films = super()._read_frames(listed, bad) if part != "kinetics" else []
        if part == "ava":
            return films
        clips = read_key_frames(self._file(f"kinetics_{listed}_v1.0.csv"), (2, 7), bad)
        self._of_kinetics |= clips.keys()
        return [*films, *clips.values()]

    @cached_property
    def _of_kinetics(self) -> set[tuple[str, int]]:
        return set()

    @cached_property
    def _clips(self) -> dict[str, list[tuple[float, float, Path]]]:
        """Start, end and file of every clip of a YouTube id."""
        found: dict[str, list[tuple[float, float, Path]]] = defaultdict(list)
        root = self.config.kinetics or self.root / "kinetics700"
        for split in VIDEO_FOLDERS if root.is_dir() else ():
            for name, path in find_clips(root, split).items():
                identity, *times = name.rsplit("_", 2)
                if len(times) == 2 and all(time.isdecimal() for time in times):
                    found[identity].append((float(times[0]), float(times[1]), path))
        return found

    def _place(self, frame: KeyFrame) -> Place | None:
        if frame.key not in self._of_kinetics:
            return super()._place(frame)
        held = (clip for clip in self._clips.get(frame.video, []) if clip[0] < frame.time < clip[1])
        clip = next(held, None)
        return Place(clip[2], frame.time - clip[0]) if clip is not None else None

    def _detections(self, listed: str) -> Detections:
        if listed == "train":
            return super()._detections(listed)
        films = super()._detections(listed) if self.config.test_part != "kinetics" else {}
        if self.config.test_part == "ava":
            return films
        path = self.config.kinetics_detections or self._file(*KINETICS_DETECTED)
        return films | read_detections(path, self.config.detection_score)
