"""Official lists against the disk: what is found, missing, extra, or in two lists at once."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from internvideo_pl.data.batch import Sample
from internvideo_pl.data.doctor.check import Check, Verdict, counted
from internvideo_pl.data.location import whole_of
from internvideo_pl.data.module import Split, VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.video.sources.files import is_video
from internvideo_pl.video.sources.tar import is_member

SPLITS = ("train", "val", "test")


@dataclass
class Lists:
    """The lists of one dataset.

    Attributes:
        data: The dataset.
        wanted: The splits that the experiment reads.
        splits: Every list that is there, by split.
        absent: Why the others are not.
    """

    data: VideoData
    wanted: tuple[str, ...]
    splits: dict[str, Split]
    absent: dict[str, UserError]

    @property
    def samples(self) -> dict[str, Sequence[Sample]]:
        """What the experiment reads and the disk holds, by split."""
        return {split: self.splits[split].samples for split in self.wanted if split in self.splits}

    def title(self, split: str) -> str:
        """What a report calls a split: the test split by the official list behind it."""
        return f"{split} list ({self.data.test_list})" if split == "test" else f"{split} list"


def read_lists(data: VideoData, wanted: tuple[str, ...]) -> Lists:
    """All lists that are there; also those that the experiment does not read, whose files are not extra."""
    splits, absent = {}, {}
    for split in SPLITS:
        try:
            splits[split] = data.listed(split)
        except UserError as error:
            absent[split] = error
    return Lists(data, wanted, splits, absent)


def check_lists(lists: Lists, mini: bool) -> list[Check]:
    """A line for each list that the experiment reads, one for extra files, one for videos that two lists name.

    Args:
        lists: Of the dataset.
        mini: Whether the dataset is a miniature, whose lists are shorter than the official ones.
    """
    if lists.wanted and not any(split in lists.splits for split in lists.wanted):
        return [_absent(lists, "official lists", lists.wanted[0])]
    checks = [_check_list(lists, split, mini) for split in lists.wanted]
    if lists.data.official and lists.data.has_videos:  # episodes are numbered anew in each split
        checks += [*_check_extra(lists), *_check_overlap(lists)]
    return checks


def _check_list(lists: Lists, split: str, mini: bool) -> Check:
    name, facts = lists.title(split), lists.data.facts
    if split in lists.absent:
        return _absent(lists, name, split)
    found = lists.splits[split]
    here, missing = len(found.samples), len(found.missing)
    verdict: Verdict = "ok" if here and not missing else "warning" if here else "fails"
    sentence = f"{here:,} of {counted(found.official, 'video')} on disk"
    sentence += f", {missing:,} missing" if missing else ""
    todo = f"missing videos: {facts.url} ({facts.terms}); layout: {facts.layout}" if missing else ""
    official = facts.splits.get(lists.data.test_list if split == "test" else split, facts.splits.get(split))
    if not mini and official is not None and official != found.official:
        verdict = "warning" if verdict == "ok" else verdict
        sentence += f"; the official list has {official:,} entries, so this is another one"
        todo = todo or f"compare with the official list: {facts.url}"
    told = sum(len(sample.texts) for sample in found.samples) + found.missing_texts
    if not mini and facts.sentences.get(split, told) != told:
        verdict = "warning" if verdict == "ok" else verdict
        sentence += f"; {told:,} sentences, of {facts.sentences[split]:,} in the official list"
        todo = todo or f"compare with the official files: {facts.url}"
    return Check(name, verdict, sentence, found.missing, todo)


def _absent(lists: Lists, name: str, split: str) -> Check:
    facts = lists.data.facts
    todo = (
        f"get {facts.name} from {facts.url}, or try MINI=1"
        if lists.data.official
        else "name another with DATA=<folder>"
    )
    return Check(name, "fails", str(lists.absent[split]), todo=todo)


def _check_extra(lists: Lists) -> list[Check]:
    """Video files beside the listed ones: those of no list, and those in whose place another file is read."""
    prefix = os.path.join(lists.data.root, "")
    beside = _files_beside(prefix, lists)
    if not beside:  # everything is packed, or is folders of pictures
        return []
    listed = {whole_of(sample.path) for found in lists.splits.values() for sample in found.samples}
    read_from = {_stem(location): location for location in listed}
    others = sorted(beside - listed)
    extra = [location.removeprefix(prefix) for location in others if _stem(location) not in read_from]
    replaced = [
        f"{location.removeprefix(prefix)} (read from {read_from[_stem(location)].removeprefix(prefix)})"
        for location in others
        if _stem(location) in read_from
    ]
    sentence = f"{counted(len(extra), 'video file')} that no list names" if extra else "no file that no list names"
    sentence += f", {len(replaced):,} in whose place another file of that name is read" if replaced else ""
    todo = "they are never read; perhaps they belong to a list that is not here" if extra else ""
    return [Check("extra files", "warning" if extra else "ok", sentence, extra + replaced, todo)]


def _files_beside(prefix: str, lists: Lists) -> set[str]:
    """Every video file in those top folders of the dataset in which the experiment's own videos lie."""
    locations = (whole_of(sample.path) for found in lists.samples.values() for sample in found)
    inside = {
        location.removeprefix(prefix).rpartition(os.sep)[0]
        for location in locations
        if location.startswith(prefix) and is_video(location) and not is_member(location)
    }
    tops = {folder.split(os.sep)[0] for folder in inside}
    found: set[str] = set()
    for top in {""} if "" in tops else tops:
        for parent, folders, names in os.walk(os.path.join(prefix, top)):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found |= {os.path.join(parent, name) for name in names if is_video(name)}
    return found


def _stem(location: str) -> str:
    return os.path.splitext(os.path.basename(location))[0]


def _check_overlap(lists: Lists) -> list[Check]:
    """Videos that training and test list both name, and videos that one list names twice."""
    checks = []
    keys = {split: [s.key for s in found.samples] + found.missing for split, found in lists.splits.items()}
    both = sorted(set(keys.get("train", ())) & set(keys.get("test", ())))
    if both:
        sentence = f"{counted(len(both), 'video')} in the training list and in the test list"
        checks.append(
            Check("leakage", "warning", sentence, both, "the test is no test of these: use the official lists")
        )
    for split in lists.wanted:
        twice = [key for key, number in Counter(keys.get(split, ())).items() if number > 1]
        if twice:
            sentence = f"{counted(len(twice), 'video')} more than once"
            checks.append(Check(lists.title(split), "warning", sentence, twice, "use the official list"))
    return checks
