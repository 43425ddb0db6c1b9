"""The doctor's look at one dataset of an experiment: its lists, its files, how fast they are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from data_modules import DATASETS
from internvideo_pl.config import Experiment
from internvideo_pl.cores import usable_cores
from internvideo_pl.data.doctor.check import Check
from internvideo_pl.data.doctor.duplicates import check_duplicates, find_duplicates
from internvideo_pl.data.doctor.lists import Lists, check_lists, read_lists
from internvideo_pl.data.doctor.quality import check_containers, check_files, check_formats, check_lengths
from internvideo_pl.data.doctor.reading import check_reading, measure
from internvideo_pl.data.doctor.scan import Scan, choose, scan
from internvideo_pl.data.doctor.sizes import check_sizes, sizes_of
from internvideo_pl.data.manifest import Manifest
from internvideo_pl.data.mixture import MixtureConfig
from internvideo_pl.data.module import VideoData
from internvideo_pl.errors import UserError
from internvideo_pl.run.build import check_labels, data_root, readers_of
from internvideo_pl.run.inputs import find_inputs, use_inputs

MEASURED = 5.0  # seconds that the loader is timed: a few batches of a slow one


@dataclass
class Dataset:
    """One folder of data, and the stages that read it.

    Attributes:
        name: Of the dataset, or of the part of a mixture.
        stages: In order; of a stage that reads a mixture, the part of it that reads this dataset.
        root: The folder; None where it is not known.
        error: Why not.
        splits: Those that some stage reads.
        optional: Whether every stage can go without it.
    """

    name: str
    stages: list[Experiment]
    root: Path | None = None
    error: UserError | None = None
    splits: set[str] = field(default_factory=set)
    optional: bool = True

    @property
    def reader(self) -> Experiment:
        """The stage whose settings stand for all: the first that trains."""
        return next((stage for stage in self.stages if _trains(stage)), self.stages[0])


def datasets_of(stages: Sequence[Experiment]) -> list[Dataset]:
    """The datasets of all stages, each once; a miniature is made here if it is not there yet.

    Raises:
        UserError: A part of a mixture cannot be one.
    """
    found: dict[tuple[str, str], Dataset] = {}
    for stage in stages:
        if stage.data is None:
            continue
        mixture = stage.data if isinstance(stage.data, MixtureConfig) else None
        readers = readers_of(stage)
        tested = (mixture and mixture.tested) or next(iter(readers))
        for part, reader in readers.items():
            root, error = None, None
            try:
                root = data_root(reader).absolute()
            except UserError as mistake:
                error = mistake
            dataset = found.setdefault((part, str(root)), Dataset(part, [], root, error))
            dataset.stages.append(reader)
            dataset.optional &= mixture is not None and mixture.parts[part].optional and part != tested
            dataset.splits |= ({"train"} if _trains(stage) else set()) | ({"test"} if part == tested else set())
    return [dataset for dataset in found.values() if dataset.splits]


def examine(dataset: Dataset, sample: int | None) -> tuple[list[tuple[str, Check]], Path | None]:
    """All checks of one dataset.

    Args:
        dataset: Its folder, and who reads it.
        sample: Files that are decoded; None for all.

    Returns:
        The checks, each with the dataset's name, and the manifest that has kept what was learned of the files.
    """
    reader = dataset.reader
    kind, _ = DATASETS[reader.data.name]
    facts, name = kind.facts, dataset.name
    checks = [Check("source", "ok", f"{facts.name}: {facts.url}; {facts.licence}; {facts.terms}")]
    if dataset.root is None:
        checks.append(Check("folder", "fails", str(dataset.error), todo="name it with DATA=<folder>"))
        return [(name, check) for check in _eased(checks, dataset.optional)], None
    manifest = Manifest.load(reader.paths.cache, dataset.root)
    wanted = tuple(split for split in ("train", "test") if split in dataset.splits)
    data = kind(reader.data, dataset.root, reader.seed)
    featured = data.reads_features and _use_features(reader, data)
    lists = read_lists(data, wanted if kind.official else wanted[:1])  # else the test reads training videos
    checks += check_lists(lists, reader.mini)
    looked = kind.has_videos and not featured and any(lists.samples.values())
    if looked:
        checks += _check_files(lists, manifest, reader, sample)
        checks += _check_labels(dataset, lists)
        manifest.save()
    if facts.defects and not reader.mini and any(check.verdict != "ok" for check in checks):
        checks.append(Check("known defects", "ok", "; ".join(facts.defects)))
    return [(name, check) for check in _eased(checks, dataset.optional)], manifest.file if looked else None


def _use_features(reader: Experiment, data: VideoData) -> bool:
    """Hands over the features that are read; where they are not here, which its parent's line tells, the videos are."""
    try:
        use_inputs(data, find_inputs(reader, {}))
    except UserError:
        return False
    return True


def _eased(checks: list[Check], optional: bool) -> list[Check]:
    """A mixture goes without an optional part, so nothing about it keeps a run from running."""
    if not optional:
        return checks
    words = "the mixture goes without it"
    return [replace(c, verdict="warning", todo=f"{words}, or {c.todo}") if c.verdict == "fails" else c for c in checks]


def _check_files(lists: Lists, manifest: Manifest, reader: Experiment, sample: int | None) -> list[Check]:
    sizes = sizes_of(sample for found in lists.samples.values() for sample in found)
    scanned = scan(choose(lists.samples, sample, reader.seed), manifest, usable_cores())
    records = list(scanned.records.values())
    groups, compared = find_duplicates(sizes, manifest, full=sample is None)
    split = "train" if lists.samples.get("train") else "test"
    return [
        check_sizes(lists, sizes),
        *check_files(lists, scanned, full=sample is None),
        *check_lengths(lists, scanned, reader.mini),
        check_containers(records),
        check_formats(records),
        *check_duplicates(lists.samples, groups, compared, manifest),
        *_check_reading(lists, split, scanned, sizes),
    ]


def _check_reading(lists: Lists, split: str, scanned: Scan, sizes: Mapping[str, int]) -> list[Check]:
    """How fast videos are read, where videos are."""
    if lists.data.reads_features:
        return []
    return [check_reading(lists, split, measure(lists.data, split, scanned, MEASURED), sizes)]


def _check_labels(dataset: Dataset, lists: Lists) -> list[Check]:
    """Whether the test list has labels, where a stage needs them."""
    if not lists.samples.get("test"):
        return []
    lists.data.splits["test"] = lists.splits["test"]
    try:
        for stage in dataset.stages:
            check_labels(stage, lists.data)
    except UserError as error:
        return [Check("labels", "fails", str(error), todo="ARGS=data.test_on=val")]
    return []


def _trains(experiment: Experiment) -> bool:
    """Whether an experiment reads training videos."""
    return 0 not in (experiment.trainer.max_steps, experiment.trainer.max_epochs)
