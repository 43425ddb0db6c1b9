"""What a run leaves behind, read back from its folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from internvideo_pl.callbacks.previews import Preview
from internvideo_pl.config import Experiment
from internvideo_pl.run.folder import DONE, mark_done
from internvideo_pl.tables.row import Row, read_rows


@dataclass(frozen=True)
class Finished:
    """A run that came to its end.

    Attributes:
        experiment: As it ran.
        folder: Its folder.
        rows: Its rows of the tables.
        previews: Its pictures.
        bad_videos: Words on the videos that could not be read; empty where all could.
        seconds: Wall time.
    """

    experiment: Experiment
    folder: Path
    rows: list[Row]
    previews: list[Preview]
    bad_videos: str
    seconds: float


def finish(experiment: Experiment, folder: Path, previews: list[Preview], bad_videos: str, seconds: float) -> Finished:
    """Mark a run as done, with what `read_finished` needs."""
    facts = {
        "experiment": experiment.name,
        "mini": experiment.mini,
        "seconds": round(seconds, 1),
        "previews": [asdict(preview) | {"path": preview.path.name} for preview in previews],
        "bad_videos": bad_videos,
        "ema": experiment.optimizer.ema if experiment.optimizer else None,  # decay of the average that was kept
    }
    mark_done(folder, facts)
    return read_finished(experiment, folder)


def read_finished(experiment: Experiment, folder: Path) -> Finished:
    """The run in a folder that `finish` marked."""
    facts = json.loads((folder / DONE).read_text())
    rows, _ = read_rows(folder)
    previews = [Preview(folder / shown["path"], shown["caption"]) for shown in facts["previews"]]
    return Finished(experiment, folder, rows, previews, facts["bad_videos"], facts["seconds"])
