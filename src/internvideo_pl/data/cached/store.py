"""Features of a list's views on disk: one file for every so many videos, each whole or not there at all.

A file `<split>-<first>.safetensors` holds `features` float16 (V * views, ...), `index` and `view` int64 (V * views,),
and in its notes the faults of videos that cannot be read, which have no rows.

Shapes: V videos of a file that can be read, D width.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from internvideo_pl.whole_file import replacing

VIDEOS = 256  # of one file


@dataclass(frozen=True)
class Place:
    """Where the features of one view are."""

    file: Path
    row: int


@dataclass
class Store:
    """The features of one split.

    Attributes:
        folder: Of all splits that share a key.
        split: Its name.
        videos: Entries of the split.
        places: By the entry's number, a place for every view in order.
        faults: Why entries could not be read, by number.
    """

    folder: Path
    split: str
    videos: int
    places: dict[int, list[Place]] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)
    _open: dict[Path, Any] = field(default_factory=dict, repr=False)

    def load(self) -> None:
        """Looks through the files that are there; what is not a whole file is taken away, to be made again."""
        for first in range(0, self.videos, VIDEOS):
            path = self.path(first)
            if not path.is_file():
                continue
            try:
                self._take(path)
            except (SafetensorError, KeyError, ValueError, OSError):
                path.unlink(missing_ok=True)

    def missing(self) -> list[int]:
        """Entries without features, of files that are not there yet."""
        return [i for first in range(0, self.videos, VIDEOS) if not self.path(first).is_file() for i in self.of(first)]

    def of(self, first: int) -> range:
        """Entries of the file that begins with one."""
        return range(first, min(first + VIDEOS, self.videos))

    def path(self, first: int) -> Path:
        """The file of the entries from `first` on."""
        return self.folder / f"{self.split}-{first:08d}.safetensors"

    def write(self, first: int, rows: dict[int, list[Tensor]], faults: dict[int, str]) -> None:
        """Writes the features of the entries from `first` on, each a list of its views'; float16 whatever they are."""
        numbers = [(index, view) for index in sorted(rows) for view in range(len(rows[index]))]
        features = [rows[index][view].to("cpu", torch.float16) for index, view in numbers]
        tensors = {
            "features": torch.stack(features) if features else torch.empty(0, dtype=torch.float16),
            "index": torch.tensor([index for index, _ in numbers], dtype=torch.int64),
        }
        path = self.path(first)
        with replacing(path) as temporary:
            save_file(tensors, temporary, {"faults": json.dumps({str(index): said for index, said in faults.items()})})
        self._take(path)

    def get(self, index: int, view: int) -> Tensor:
        """The features of a view, float16."""
        place = self.places[index][view]
        if place.file not in self._open:
            self._open[place.file] = safe_open(place.file, framework="pt")
        return self._open[place.file].get_slice("features")[place.row : place.row + 1][0]

    def _take(self, path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            indices = file.get_tensor("index").tolist()
            said = json.loads((file.metadata() or {})["faults"])
        for row, index in enumerate(indices):
            self.places.setdefault(index, []).append(Place(path, row))
        self.faults.update({int(index): reason for index, reason in said.items()})

    def __getstate__(self) -> dict[str, Any]:
        """Without open files: a loader's worker opens its own."""
        return {**self.__dict__, "_open": {}}
