"""Videos with sentences: what a reader collects from official files, checks, and makes a split of."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.clips import ClipConfig
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError


@dataclass(kw_only=True)
class CaptionConfig(ClipConfig):
    """How videos with sentences become batches.

    Attributes:
        pairs: Whether every training sentence is an entry of its own, so that an epoch shows each once, as the release
            counts epochs (180,000 pairs of MSR-VTT); else an epoch shows every video once, with one of its sentences.
    """

    pairs: bool = False


class Captions:
    """Sentences by video.

    In training a sentence that says nothing is left out and named. A test list is not ours to change: there such a
    sentence stays a query, and only what is no text at all is refused.

    Args:
        testing: Whether they are queries of a test.
        joined: Whether a video's sentences are one paragraph.
    """

    def __init__(self, testing: bool, joined: bool = False):
        self.testing = testing
        self.joined = joined
        self.said: dict[str, list[str]] = {}
        self.faults: list[tuple[str, DecodeError]] = []  # with the video's id

    def add(self, key: str, sentence: Any, where: str) -> None:
        """Keeps a sentence of a video, if it can be used.

        Args:
            key: The video's official id.
            sentence: What the file has in a sentence's place.
            where: File and line, or file and record.

        Raises:
            UserError: It is no text.
        """
        if not isinstance(sentence, str):
            raise UserError(f"{where}: the sentence of {key} is {sentence!r}, not text; get the official file anew")
        said = self.said.setdefault(key, [])
        fault = _fault(sentence)
        if fault and not self.testing:
            self.faults.append((key, DecodeError(where, f"the sentence of {key} {fault}")))
        else:
            said.append(sentence.encode("utf-8", "replace").decode().strip())  # half characters become question marks

    def of(self, key: str) -> tuple[str, ...]:
        """The sentences of a video, or its paragraph; empty where none was kept."""
        said = self.said.get(key, ())
        return (" ".join(said),) if self.joined and said else tuple(said)

    def split(self, keys: Iterable[str], locate: Callable[[str], str | None], source: str, listed: str) -> Split:
        """A split of the videos of a list, in its order.

        Args:
            keys: Official ids; one whose sentences were all left out counts as missing, which its faults explain.
            locate: Where a video is; None where it is not on disk.
            source: The file of the sentences, for errors.
            listed: The file of the list, for errors.

        Raises:
            UserError: There is no sentence of a video that is listed.
        """
        keys = dict.fromkeys(keys)
        found = Split(faults=(fault for key, fault in self.faults if key in keys))
        for key in keys:
            if key not in self.said:
                raise UserError(f"{source} has no caption of {key}, which {listed} lists; get both anew")
            texts, path = self.of(key), locate(key)
            if path is None or not texts:
                found.missing.append(key)
                found.missing_texts += len(texts)
            else:
                found.samples.append(Sample(path, key, texts=texts))
        return found


def _broken(sentence: str) -> bool:
    """Whether half a character is in it: bytes that are not UTF-8, or a lone escape in JSON."""
    return any("\ud800" <= letter <= "\udfff" for letter in sentence)


def _fault(sentence: str) -> str:
    """Why a sentence cannot be learned from; empty for nothing."""
    if not any(letter.isprintable() and not letter.isspace() for letter in sentence):
        return "is empty"
    return "is not UTF-8" if _broken(sentence) else ""


def as_pairs(found: Split) -> Split:
    """A split whose entries are pairs of a video and one sentence."""
    pairs = Split(missing=found.missing, faults=found.faults)
    for sample in found.samples:
        for text in sample.texts:
            pairs.samples.append(Sample(sample.path, sample.key, texts=(text,)))
    return pairs


class CaptionedData(VideoData):
    """Base of the text-video sets: subclasses say how a test asks (`captions`) and read lists of videos (`listed`)."""

    config: CaptionConfig

    def listed(self, split: str) -> Split:
        """The official list of "train", "val" or "test", an entry a video.

        Raises:
            UserError: The dataset is not at `root`, or a file is not what it should be.
        """
        raise NotImplementedError

    def read(self, split: str) -> Split:
        """The list, in pairs if the config wants to train on those."""
        found = self.listed(split)
        return as_pairs(found) if split == "train" and self.config.pairs else found
