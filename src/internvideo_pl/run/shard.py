"""`shard`: packs the videos of a dataset into tar shards, and says how to read them from there."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from data_modules import DATASETS
from internvideo_pl.data.batch import Sample
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.doctor.check import counted
from internvideo_pl.data.index import SampleIndex
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.data.mini.layouts import MINIS
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.parts import MixtureConfig
from internvideo_pl.data.shards.gain import measure_gain
from internvideo_pl.data.shards.manifest import MANIFEST, Manifest
from internvideo_pl.data.shards.pack import pack
from internvideo_pl.data.shards.reencode import Reencode
from internvideo_pl.errors import UserError, hint
from internvideo_pl.folders import cache_folder, data_folder, list_experiments
from internvideo_pl.run.build import build_data
from internvideo_pl.run.stages import load_stages
from internvideo_pl.video.sources.excerpt import is_excerpt, whole_of
from internvideo_pl.video.sources.still import is_still

SPLITS = ("train", "val", "test")
NAMED = 10  # unreadable videos that are printed; the manifest names all
# Of a dataset that is named without an experiment: what the gain is measured with, fine-tuning's 16 frames at stride 4.
FRAMES, BATCH = 16, 8


@dataclass(frozen=True)
class Order:
    """What a person asked for.

    Attributes:
        name: An experiment or a dataset.
        overrides: `key=value` arguments, for an experiment.
        mini: Whether the miniature is packed.
        data: The dataset's folder.
        to: Where the shards go; None for a folder beside the dataset's.
        settings: How the videos are encoded anew; None leaves them as they are.
        jobs: Processes.
        measure: Whether the loader is timed before and after.
    """

    name: str
    overrides: list[str]
    mini: bool = False
    data: str | None = None
    to: Path | None = None
    settings: Reencode | None = None
    jobs: int = 1
    measure: bool = False


def main(order: Order) -> None:
    """Pack, and print what was packed, what was not, and how to read it.

    Raises:
        UserError: The name is not known, its data is not there, or the shards cannot be written.
    """
    if order.jobs < 1:
        raise UserError(f"--jobs {order.jobs} must be at least 1.")
    data = _open(order)
    name = data.root.with_suffix("") if data.root.is_file() else data.root
    folder = order.to or name.with_name(f"{name.name}-shards")
    lists, missing = _read(data)
    samples = (_whole(sample) for sample in chain.from_iterable(lists))
    manifest = pack(data.config.name, samples, folder, missing=missing, settings=order.settings, jobs=order.jobs)
    _report(manifest, folder, data)
    if order.measure:
        print(measure_gain(data, folder))


def _open(order: Order) -> VideoData:
    """The DataModule of what a person named."""
    if order.name in list_experiments():
        _, stages = load_stages(order.name, order.overrides, order.mini, order.data)
        if len(stages) > 1 or stages[0].data is None:
            raise UserError(f"{order.name} runs several experiments: name one of them, or a dataset.")
        if isinstance(stages[0].data, MixtureConfig):
            raise UserError(f"{order.name} reads several datasets: pack one of {', '.join(stages[0].data.parts)}.")
        return build_data(stages[0], FrameCache())
    if order.name not in DATASETS or DATASETS[order.name][1] is MixtureConfig:
        raise UserError(
            f"There is no experiment or dataset {order.name!r}.{hint(order.name, [*DATASETS, *list_experiments()])}"
        )
    if order.overrides:
        raise UserError("key=value changes an experiment: name one, a dataset alone has nothing to change.")
    kind, config = DATASETS[order.name]
    return kind(config(name=order.name, num_frames=FRAMES, batch_size=BATCH, num_workers=order.jobs), _root(order))


def _root(order: Order) -> Path:
    if order.data:
        return Path(order.data).expanduser()
    if order.mini and order.name in MINIS:
        return make_mini(order.name, cache_folder() / "mini")
    if order.mini or not DATASETS[order.name][0].official:
        raise UserError(f"name the folder of {order.name}: make shard NAME={order.name} DATA=<folder>")
    return data_folder() / order.name


def _read(data: VideoData) -> tuple[list[SampleIndex], list[str]]:
    """The samples of every list that is there, and the keys whose video is not.

    Raises:
        UserError: No list is there.
    """
    found, missing = [], []
    errors: dict[str, UserError] = {}
    for split in SPLITS if data.official else SPLITS[:1]:
        try:
            listed = data.listed(split)
        except UserError as mistake:
            errors[split] = mistake
            continue
        found.append(listed.samples)
        missing += listed.missing
    if not found:
        raise next(iter(errors.values()))
    for split, error in errors.items():
        print(f"not packed, the {split} list: {error}")
    return found, missing


def _whole(sample: Sample) -> Sample:
    """What is packed of a sample: of a stretch of a longer video the whole, once, under its file's name.

    Raises:
        UserError: It is a single picture.
    """
    if is_still(sample.path):
        raise UserError(f"{sample.path} is a single picture; `make shard` packs videos.")
    if not is_excerpt(sample.path):
        return sample
    path = whole_of(sample.path)
    return Sample(path, Path(path).stem)


def _report(manifest: Manifest, folder: Path, data: VideoData) -> None:
    size = manifest.bytes / 1e9
    shards = counted(len(manifest.shards), "shard")
    print(f"{manifest.dataset}: {counted(manifest.videos, 'video')} in {shards}, {size:.2f} GB, {folder}")
    unreadable = manifest.unreadable
    if manifest.missing or unreadable:
        print(
            f"not in them: {len(manifest.missing):,} not on disk, {len(unreadable):,} that cannot be read; "
            f"{folder / MANIFEST} names all"
        )
    for key, reason in list(unreadable.items())[:NAMED]:
        print(f"  {key}: {reason}")
    print(f"read them with {'ARGS=data.shards=' if data.official else 'DATA='}{folder}")
