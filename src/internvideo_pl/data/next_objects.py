"""The DataModule base of anticipation: frames, what was seen before them, and the objects that are touched next.

Shapes: G true objects.
"""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from internvideo_pl.data.keyframe_data import KeyframeData


class OfficialObjects(NamedTuple):
    """The objects that a test is judged by, one row each.

    Attributes:
        image: int64 (G,), number of the entry in the official list.
        box: float64 (G, 4), x1, y1, x2, y2 in pixels.
        noun: int64 (G,).
        verb: int64 (G,).
        ttc: float64 (G,), seconds to contact.
        uids: Of all entries of the list.
    """

    image: NDArray[np.int64]
    box: NDArray[np.float64]
    noun: NDArray[np.int64]
    verb: NDArray[np.int64]
    ttc: NDArray[np.float64]
    uids: list[str]


class NextObjectData(KeyframeData):
    """Frames with the objects that are touched next; a test sample's annotation has the detector's "nouns" as well."""

    @property
    @abstractmethod
    def verbs(self) -> list[str]:
        """Names in the order of their ids."""

    @abstractmethod
    def official_objects(self) -> OfficialObjects:
        """Of the test list."""

    @abstractmethod
    def training_targets(self) -> list[tuple[int, float]]:
        """Verb and seconds to contact of every training object."""
