"""What `list` prints: every experiment, the paper's number, our best row, whether its data is here."""

from pathlib import Path

from data_modules import DATASETS
from internvideo_pl.config import Experiment, list_experiments, load_experiment
from internvideo_pl.folders import results_folder
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.tables.listing import Entry, listing, listing_json
from internvideo_pl.tables.render import print_table
from internvideo_pl.tables.row import read_rows

TASKS = {
    "masked": "masked pretraining",
    "align": "video-language alignment",
    "retrieval": "text-video retrieval",
    "supervised": "recognition",
    "coordinate": "coordination",
    "zero_shot": "zero-shot recognition",
    "hands": "future hand prediction",
    "box_actions": "spatio-temporal localisation",
    "localize": "temporal localisation",
    "propose": "temporal localisation",
    "extract": "features over time",
    "probe": "probing",
    "open_set": "open-set recognition",
    "answer": "video question answering",
    "choose": "questions with options",
    "count": "counting",
    "caption": "captioning",
    "navigate": "vision-language navigation",
    "anticipate": "short-term anticipation",
    "queries": "natural-language queries",
    "moments": "moment queries",
}


def main(json: bool = False) -> None:
    """Print all experiments as a table, or as one JSON list."""
    results = results_folder()
    rows, problems = read_rows(results) if results.is_dir() else ([], [])
    entries = [_entry(load_experiment(name, schemas=SCHEMAS)) for name in list_experiments()]
    if json:
        print(listing_json(entries, rows))
    else:
        print_table(listing(entries, rows, problems))


def _entry(experiment: Experiment) -> Entry:
    if experiment.average:
        stages = [load_experiment(stage, schemas=SCHEMAS) for stage in experiment.stages]
        return Entry(experiment.name, experiment.benchmark, all(map(_data_here, stages)), "mean over splits")
    if experiment.stages:
        return Entry(experiment.name, None, True, "whole pipeline in miniature")
    return Entry(experiment.name, experiment.benchmark, _data_here(experiment), _task(experiment.objective.name))


def _task(objective: str) -> str:
    """In words; an objective that is a word needs no other."""
    return TASKS.get(objective, objective.replace("_", " "))


def _data_here(experiment: Experiment) -> bool:
    config = experiment.data
    root: Path = config.root or experiment.paths.data / (DATASETS[config.name][0].folder_name or config.name)
    return root.is_dir()
