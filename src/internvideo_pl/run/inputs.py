"""What a run reads that other runs made and that is no weights: features of videos, class scores of videos."""

from pathlib import Path

from internvideo_pl.config import Experiment
from internvideo_pl.data.features.folder import INDEX, FeatureFolder
from internvideo_pl.data.module import VideoData
from internvideo_pl.data.temporal.module import LocalizationData
from internvideo_pl.data.temporal.scores import SCORES, read_scores
from internvideo_pl.errors import UserError
from internvideo_pl.modules.extraction import FOLDER
from internvideo_pl.run.folder import latest_done

# Role of a parent -> the file in that parent's run that stands for it.
INPUTS = {"features": f"{FOLDER}/{INDEX}", "more_features": f"{FOLDER}/{INDEX}", "scores": SCORES}


def find_inputs(experiment: Experiment, stages: dict[str, Path]) -> dict[str, Path]:
    """The inputs of an experiment, by role.

    Args:
        experiment: Checked config.
        stages: Folders of the stages that the running pipeline has finished, by experiment.

    Raises:
        UserError: One of them is not there.
    """
    return {
        role: find_input(role, parent, experiment, stages)
        for role, parent in experiment.parents.items()
        if role in INPUTS
    }


def find_input(role: str, parent: str, experiment: Experiment, stages: dict[str, Path]) -> Path:
    """The folder of features, or the file of scores, that a parent stands for.

    Args:
        role: A key of `INPUTS`.
        parent: An experiment's name, a run's folder, a folder of features or a file of scores.
        experiment: Which names it.
        stages: As for `find_inputs`.

    Raises:
        UserError: There is none.
    """
    folder = stages.get(parent) or latest_done(experiment.paths.results, parent, experiment.mini)
    for place in [place for place in (folder, Path(parent)) if place is not None]:
        marked = place / INPUTS[role]
        if marked.is_file():
            return marked if role == "scores" else marked.parent
    named = Path(parent)
    if named.is_file() if role == "scores" else named.is_dir():
        return named
    again = " MINI=1" if experiment.mini else ""
    raise UserError(
        f"this experiment reads the {role.replace('_', ' ')} of {parent!r}, of which there are none under "
        f"{experiment.paths.results}; run `make experiment NAME={parent}{again}` first, or name a "
        f"{'file' if role == 'scores' else 'folder'} with ARGS=parents.{role}=<path>"
    )


def hashed(inputs: dict[str, Path]) -> dict[str, Path]:
    """The files whose hashes stand for the inputs: a folder's index, where it has one."""
    files = {role: path / INDEX if path.is_dir() else path for role, path in inputs.items()}
    return {role: path for role, path in files.items() if path.is_file()}


def use_inputs(data: VideoData, inputs: dict[str, Path]) -> None:
    """Hands them to the data.

    Raises:
        UserError: They are not sound.
    """
    if not isinstance(data, LocalizationData):
        return
    if "features" in inputs:
        more = FeatureFolder(inputs["more_features"]).paths() if "more_features" in inputs else None
        data.use_features(FeatureFolder(inputs["features"]).paths(), more)
    if "scores" in inputs:
        data.scores = read_scores(inputs["scores"], data.classes)
