"""How many videos an epoch has: by the lists on disk, else by what is published of them."""

from data_modules import DATASETS
from internvideo_pl.config import Experiment
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.parts import MixtureConfig
from internvideo_pl.errors import UserError
from internvideo_pl.run.build import build_data, readers_of
from internvideo_pl.tables.paper import paper


def videos_of_an_epoch(experiment: Experiment) -> tuple[int, str]:
    """Training videos of an epoch, and in words where the number comes from.

    A mixture may say it itself (`data.epoch_size`). Of a dataset that is not here the official count is taken, of a
    mixture's part without one that of the paper's table 1. A part of images counts nothing: an epoch goes over the
    videos.

    Raises:
        UserError: A folder that was named has no such data, or no count of them is published.
    """
    config = experiment.data
    if isinstance(config, MixtureConfig) and config.epoch_size is not None:
        return config.epoch_size, "the mixture's epoch (data.epoch_size), over all devices"
    try:
        data = build_data(experiment, FrameCache())
        return data.steps_per_epoch() * config.batch_size, "the lists on disk"
    except UserError as error:
        if _named_folders(experiment):
            raise
        return _published(experiment, error)


def _named_folders(experiment: Experiment) -> bool:
    config = experiment.data
    parts = config.parts.values() if isinstance(config, MixtureConfig) else [config]
    return any(part.root is not None for part in parts)


def _published(experiment: Experiment, absence: UserError) -> tuple[int, str]:
    config, printed = experiment.data, {entry["id"]: entry["clips"] for entry in paper().pretraining_data}
    parts = config.parts if isinstance(config, MixtureConfig) else {}
    counts: dict[str, dict[str, int]] = {"official counts": {}, "the paper's table 1": {}}
    left_out = []
    for name, reader in readers_of(experiment).items():
        kind = DATASETS[reader.data.name][0]
        if name in parts and parts[name].images:
            continue
        if official := kind.facts.splits.get("train"):
            counts["official counts"][name] = official
        elif name in parts and name in printed:
            counts["the paper's table 1"][name] = printed[name]
        elif name in parts and parts[name].optional:
            left_out.append(name)
        elif kind.official:
            raise absence
        else:
            key = f"data.parts.{name}.root=<folder>" if name in parts else "DATA=<folder>"
            raise UserError(
                f"nobody but you can count the videos of {name}: give their folder ({key}), or plan for a number of "
                "steps (trainer.max_epochs=-1 trainer.max_steps=<steps>)"
            )
    known = {source: found for source, found in counts.items() if found}
    told = [f"{source} of {', '.join(found)}" if parts else source for source, found in known.items()]
    absent = "they are not all here" if parts else "the data are not here"
    without = f"; without {', '.join(left_out)}" if left_out else ""
    return sum(sum(found.values()) for found in known.values()), f"{' and '.join(told)}{without}; {absent}"
