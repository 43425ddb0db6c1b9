"""The model card of a run, a checkpoint or released weights, and the folder that goes to the hub."""

from pathlib import Path
from typing import Any

from data_modules import DATASETS
from internvideo_pl.config import Experiment, load_resolved
from internvideo_pl.errors import UserError
from internvideo_pl.models import load
from internvideo_pl.run.build import readers_of
from internvideo_pl.run.mixture import mixture_table
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.tables.render import to_markdown
from internvideo_pl.tables.row import Row, read_rows
from internvideo_pl.weights.released import RELEASED

CONFIG = "config.yaml"


def main(source: str, target: Path | None, licence: str = "") -> None:
    """Print a model's card, or save the whole model with its card.

    Args:
        source: As for `load`: a run's folder, a file of weights, the short name of released ones, a hub id.
        target: A new folder for card, config and weights; None to print the card alone.
        licence: Of the weights; nothing is assumed.

    Raises:
        UserError: There is no such model, or the folder holds something already.
    """
    if target is not None and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target} holds something already: choose a new folder.")
    model = load(source)
    facts = {"license": licence, "name": source, **_facts(source)}
    if target is None:
        print(model.generate_model_card(**facts), end="")
        return
    model.save_pretrained(target, model_card_kwargs={**facts, "name": target.name})
    print(f"{target} holds the model, its config and its card; VideoModel.push_to_hub shares it.")


def _facts(source: str) -> dict[str, Any]:
    """What is known of the model beside its file."""
    if source in RELEASED and not Path(source).exists():
        entry = RELEASED[source]
        return {"title": source, "data": f"{entry.trained_on}, as its release says.", "note": entry.note}
    config = Path(source) / CONFIG
    if not config.is_file():
        return {}
    experiment = load_resolved(config, schemas=SCHEMAS)
    rows, _ = read_rows(config.parent)
    drawn = mixture_table(config.parent)
    data = _data(experiment) if drawn is None else f"{_data(experiment)}\n\n{to_markdown(drawn)}"
    return {"title": experiment.name, "data": data, "metrics": dict(map(_number, rows))}


def _data(experiment: Experiment) -> str:
    readers = list(readers_of(experiment).values())
    return " ".join(dict.fromkeys(_one_dataset(reader) for reader in readers))


def _one_dataset(experiment: Experiment) -> str:
    kind, _ = DATASETS[experiment.data.name]
    facts = kind.facts
    if experiment.mini and kind.official and experiment.data.root is None:
        return f"A generated miniature in the layout of {facts.name}: no real video. Its numbers check the path only."
    if not kind.official:
        return "Videos of one's own; their terms were not stated."
    return f"[{facts.name}]({facts.url}): annotations {facts.licence}; videos {facts.terms}."


def _number(row: Row) -> tuple[str, str]:
    used, official = row.coverage.used, row.coverage.official
    return f"{row.task}, {row.headline} ({used} of {official} videos)", f"{row.value:.2f}"
