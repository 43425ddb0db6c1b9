"""Names in a shard, by the habit of WebDataset: members of one sample share their name up to the first dot.

`key.mp4` is the video, and beside it may stand `key.json` (an object with "label" and "texts"), `key.cls` (a class
index) and `key.txt` (a sentence a line).
"""

import json
from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

from internvideo_pl.data.batch import Sample
from internvideo_pl.errors import UserError
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources.files import is_video
from internvideo_pl.video.sources.tar import TarMember, member_location
from internvideo_pl.video.sources.tar_index import tar_index

Words = tuple[int, tuple[str, ...]]  # label, texts


def stem_of(key: str) -> str:
    """A sample's name in shards of ours: its key, with what could mislead a reader escaped (a dot is %2E)."""
    return quote(key, safe="", errors="surrogateescape").replace(".", "%2E")


def key_of_stem(stem: str) -> str:
    """The key behind `stem_of`."""
    return unquote(stem, errors="surrogateescape")


def stem_of_member(member: str) -> str:
    """A member's name up to the first dot of its last part."""
    path = PurePosixPath(member)
    return (path.parent / path.name.partition(".")[0]).as_posix()


def videos_of(tar: str) -> dict[str, str]:
    """Member by stem of a shard's videos.

    Raises:
        UserError: The shard cannot be read, or holds two videos of one name.
    """
    found: dict[str, str] = {}
    for member in _members(tar):
        if is_video(member) and found.setdefault(stem_of_member(member), member) != member:
            raise UserError(f"{tar} holds two videos of one sample: {found[stem_of_member(member)]} and {member}.")
    return found


def samples_of(tar: str) -> list[Sample]:
    """The samples of one shard, by name; the label is -1 and there are no texts where no member tells them.

    Raises:
        UserError: The shard cannot be read, or a member that tells of a sample is not what its ending says.
    """
    words: dict[str, dict[str, str]] = {}
    for member in _members(tar):
        ending = member.rpartition(".")[2]
        if ending in WORDS:
            words.setdefault(stem_of_member(member), {})[ending] = member
    samples = []
    for stem, video in videos_of(tar).items():
        label, texts = -1, tuple[str, ...]()
        for ending, member in words.get(stem, {}).items():
            told = _read(tar, member, WORDS[ending])
            label, texts = max(label, told[0]), texts or told[1]
        samples.append(Sample(member_location(tar, video), stem, label, texts))
    return samples


def _members(tar: str) -> list[str]:
    try:
        return tar_index(tar).members()
    except (DecodeError, OSError) as error:
        raise UserError(f"{tar} cannot be read as a tar shard: {error}") from error


def _read(tar: str, member: str, parse: Callable[[str], Words]) -> Words:
    try:
        with TarMember(tar, member).open() as file:
            return parse(file.read().decode("utf-8"))
    except (DecodeError, OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{member_location(tar, member)} does not hold what its ending says: {error}") from error


def _parse_json(text: str) -> Words:
    told = json.loads(text)
    return int(told.get("label", -1)), tuple(str(sentence) for sentence in told.get("texts", ()))


# ending -> (text of the member) -> what it tells of its sample
WORDS: dict[str, Callable[[str], Words]] = {
    "json": _parse_json,
    "cls": lambda text: (int(text), ()),
    "txt": lambda text: (-1, tuple(line.strip() for line in text.splitlines() if line.strip())),
}
