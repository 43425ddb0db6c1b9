"""Something-Something V1 and V2: people do things to objects before a camera; 174 classes named by templates.

V1: labels.csv (a template a line; its line is its index), train and validation.csv (`id;template`, no header) and
    test.csv (`id`). Videos are folders of JPEG pictures, 00001.jpg and on.
V2: labels.json ({template: "index"}), train and validation.json ([{"id", "label", "template", "placeholders"}]) and
    test.json ([{"id"}]), with test-answers.csv (`id;template`) in the later package. Templates in the lists have
    brackets around what is filled in, those in labels.json have none. Videos are VP9 files, <id>.webm.
Both have the same 174 templates under other indices: V2's are in alphabetical order, V1's are not. A classifier of one
therefore is none of the other, and V1 code that sorts its labels has V2's order.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.facts import DatasetFacts
from internvideo_pl.data.listed_videos import check_name
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.data.official import (
    Once,
    find_file,
    numbered_lines,
    numbered_rows,
    official_file,
    plain,
    read_json,
    wrong_line,
)
from internvideo_pl.errors import UserError, hint

_URL = "https://www.qualcomm.com/developer/software/something-something-v-2-dataset"
_TERMS = "for research, after registration; no commercial use"
_SIDES = "labels name left and right, so clips are never mirrored"

SOMETHING_V1 = DatasetFacts(
    name="Something-Something V1",
    task="action recognition",
    num_classes=174,
    splits={"train": 86_017, "val": 11_522, "test": 10_960},  # arXiv 1706.04261, as cited by later work
    url=_URL,
    licence="20BN's (now Qualcomm's) research licence",
    terms=_TERMS,
    layout="something-something-v1-{labels,train,validation,test}.csv and 20bn-something-something-v1/<id>/00001.jpg",
    defects=(
        "its first host is gone: copies come from other researchers or the V2 site",
        "public code that sorts the labels has other class indices than labels.csv",
        _SIDES,
    ),
)
SOMETHING_V2 = DatasetFacts(
    name="Something-Something V2",
    task="action recognition",
    num_classes=174,
    splits={"train": 168_913, "val": 24_777, "test": 27_157},  # the dataset's page; 220,847 videos
    url=_URL,
    licence="Qualcomm's (20BN's) research licence",
    terms=_TERMS,
    layout=(
        "something-something-v2-{labels,train,validation,test}.json or labels/{labels,train,validation,test}.json, and "
        "20bn-something-something-v2/<id>.webm"
    ),
    defects=("the first package has no answers for the test list, the later one has test-answers.csv", _SIDES),
)

LISTS = {"train": "train", "val": "validation", "test": "test"}
FOLDERS = (".", "labels", "annotations")
SUFFIXES = {".webm", ".mp4", ".mkv", ".avi"}


@dataclass(kw_only=True)
class SomethingConfig(ClipConfig):
    """Something-Something as clips.

    Attributes:
        test_on: The list that is tested on. Papers report the validation list; labels of the test list are not public
            for V1 and came late for V2.
    """

    test_on: Literal["val", "test"] = "val"


class _Something(VideoData):
    """What both versions share."""

    config: SomethingConfig

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: label for label, name in enumerate(self.classes)}

    @property
    def test_list(self) -> str:
        """The official list behind the test loader."""
        return self.config.test_on

    def entries(self, split: str) -> Iterator[tuple[str, int]]:
        """(id, label) of a list's entries in its order; the label is -1 where the list has none.

        Raises:
            UserError: The list is not there, or a row of it is wrong.
        """
        raise NotImplementedError

    def videos(self) -> Mapping[str, str]:
        """Where the videos on disk are, by id."""
        raise NotImplementedError

    def read(self, split: str) -> Split:
        """See `entries`; keys are the ids."""
        listed = self.test_list if split == "test" else split
        videos = self.videos() if self.shards is None else self.shards
        found = Split()
        for key, label in self.entries(listed):
            path = videos.get(key)
            if path is None:
                found.missing.append(key)
            else:
                found.samples.append(Sample(str(path), key, label))
        return found

    def _label(self, path: Path, place: str, template: str) -> int:
        if template not in self._index:
            raise UserError(
                f"{path}, {place}: {template!r} is not a class of the label list.{hint(template, self.classes)}"
            )
        return self._index[template]


class SomethingV1(_Something):
    """Something-Something V1."""

    facts = SOMETHING_V1

    @cached_property
    def classes(self) -> list[str]:
        """Templates in label order, without brackets."""
        path = self._list("labels")
        once = Once(path)
        for line, name in numbered_lines(path):
            once.add(name.strip(), line)
        return list(once.places)

    def entries(self, split: str) -> Iterator[tuple[str, int]]:
        """See `_Something.entries`."""
        path = self._list(LISTS[split])
        once, columns = Once(path), 1 if split == "test" else 2
        for line, row in numbered_rows(path, ";"):
            if len(row) != columns or not plain(row[0].strip()):
                wanted = "id" if columns == 1 else "id;template"
                raise wrong_line(path, line, f"expected {wanted}, got {';'.join(row)!r}")
            once.add(row[0], line)
            yield row[0], -1 if columns == 1 else self._label(path, f"line {line}", row[1])

    def videos(self) -> Mapping[str, str]:
        """Folders of pictures by name; whether a folder is whole, reading it will tell."""
        return _entries_of(self.root, ("20bn-something-something-v1", "videos", "frames"), folders=True)

    def _list(self, word: str) -> Path:
        return official_file(self.root, self.facts, (f"something-something-v1-{word}.csv",), FOLDERS)


class SomethingV2(_Something):
    """Something-Something V2."""

    facts = SOMETHING_V2

    @cached_property
    def classes(self) -> list[str]:
        """Templates in label order, without brackets."""
        path = self._list("labels")
        content = read_json(path)
        if not isinstance(content, dict) or sorted(content.values(), key=str) != sorted(map(str, range(len(content)))):
            raise UserError(
                f"{path} must map each template to its index as text, from 0 and without a gap; get the official file"
            )
        return sorted(content, key=lambda name: int(content[name]))

    def entries(self, split: str) -> Iterator[tuple[str, int]]:
        """See `_Something.entries`; labels of the test list are those of test-answers.csv where that is there."""
        path = self._list(LISTS[split])
        records = read_json(path)
        if not isinstance(records, list):
            raise UserError(f"{path} must hold a list of records; get the official file")
        once, answers = Once(path, "record"), self._answers() if split == "test" else {}
        for number, record in enumerate(records, start=1):
            key = check_name(self._field(path, number, record, "id"), f"{path}, record {number}")
            once.add(key, number)
            if split == "test":
                yield key, answers.get(key, -1)
            else:
                template = self._field(path, number, record, "template").replace("[", "").replace("]", "")
                yield key, self._label(path, f"record {number}", template)

    def videos(self) -> Mapping[str, str]:
        """Files by name without suffix, and folders of extracted pictures."""
        places = ("20bn-something-something-v2", "videos", "frames")
        return _entries_of(self.root, places, folders=True) | _entries_of(self.root, places, folders=False)

    def _field(self, path: Path, number: int, record: Any, name: str) -> str:
        value = record.get(name) if isinstance(record, dict) else None
        if not isinstance(value, str) or not value:
            raise UserError(f"{path}, record {number}: no text under {name!r}; get the official file anew or mend it")
        return value

    def _answers(self) -> dict[str, int]:
        names = ("test-answers.csv", "something-something-v2-test-answers.csv")
        path = find_file(self.root, *(f"{folder}/{name}" for folder in FOLDERS for name in names))
        if path is None:
            return {}
        found, once = {}, Once(path)
        for line, row in numbered_rows(path, ";"):
            if len(row) != 2:
                raise wrong_line(path, line, f"expected id;template, got {';'.join(row)!r}")
            once.add(row[0], line)
            found[row[0]] = self._label(path, f"line {line}", row[1])
        return found

    def _list(self, word: str) -> Path:
        names = (f"something-something-v2-{word}.json", f"{word}.json")
        return official_file(self.root, self.facts, names, FOLDERS)


def _entries_of(root: Path, places: tuple[str, ...], folders: bool) -> dict[str, str]:
    """What lies in the first of some places that is there: folders by name, or video files by name without suffix."""
    place = next((root / place for place in places if (root / place).is_dir()), root)
    if not place.is_dir():
        return {}
    found = {}
    with os.scandir(place) as entries:
        for entry in entries:
            stem, suffix = os.path.splitext(entry.name)
            if folders and not suffix and entry.is_dir():
                found[entry.name] = entry.path
            elif not folders and suffix.lower() in SUFFIXES:
                found[stem] = entry.path
    return found
