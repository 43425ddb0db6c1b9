"""A list of samples in a few arrays, so that loader workers share one copy of it.

A forked worker shares its parent's memory page by page until one of them writes. Reading a Python object writes its
reference count: a worker that walks over a list of a million samples ends up with a copy of all of them. Measured with
the loop of tests/data/test_index.py, each of two workers takes 0.2 MB more for 20,000, 200,000 and a million samples
here, and 352 MB for a million with a list of objects.
"""

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from internvideo_pl.data.batch import Sample


class _Strings:
    """Strings end to end in one block of UTF-8."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.ends = array("q")

    def append(self, text: str) -> None:
        self.bytes += text.encode("utf-8", "surrogateescape")  # a file's name may be any bytes
        self.ends.append(len(self.bytes))

    def __getitem__(self, number: int) -> str:
        start = self.ends[number - 1] if number else 0
        return self.bytes[start : self.ends[number]].decode("utf-8", "surrogateescape")

    def __len__(self) -> int:
        return len(self.ends)


class SampleIndex(Sequence[Sample]):
    """A sequence of samples that can grow at its end; an entry becomes a `Sample` when it is asked for.

    Args:
        samples: The first entries.
    """

    def __init__(self, samples: Iterable[Sample] = ()) -> None:
        self._paths, self._keys, self._texts = _Strings(), _Strings(), _Strings()
        self._annotations = _Strings()  # JSON; empty for None
        self._labels = array("q")
        self._text_ends = array("q")  # number of texts of all samples up to this one
        for sample in samples:
            self.append(sample)

    def append(self, sample: Sample) -> None:
        """Adds an entry at the end."""
        self._paths.append(os.fspath(sample.path))
        self._keys.append(sample.key)
        self._labels.append(sample.label)
        self._annotations.append("" if sample.annotation is None else json.dumps(sample.annotation))
        for text in sample.texts:
            self._texts.append(text)
        self._text_ends.append(len(self._texts))

    @overload
    def __getitem__(self, number: int) -> Sample: ...

    @overload
    def __getitem__(self, number: slice) -> list[Sample]: ...

    def __getitem__(self, number: int | slice) -> Sample | list[Sample]:
        """An entry, or a list of entries."""
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        number = range(len(self))[number]  # counts from the end when negative, refuses what is outside
        first = self._text_ends[number - 1] if number else 0
        texts = tuple(self._texts[i] for i in range(first, self._text_ends[number]))
        said = self._annotations[number]
        annotation = json.loads(said) if said else None
        return Sample(self._paths[number], self._keys[number], self._labels[number], texts, annotation)

    def __len__(self) -> int:
        """Number of entries."""
        return len(self._labels)

    def __iter__(self) -> Iterator[Sample]:
        """Entries in order."""
        return (self[number] for number in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Whether another sequence holds the same samples."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == yours for mine, yours in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # it can grow
