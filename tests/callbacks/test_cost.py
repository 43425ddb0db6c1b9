"""The cost of a run on a meter that the test drives."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from internvideo_pl.callbacks.cost import Cost, CostConfig, CostMeter
from internvideo_pl.errors import UserError

TRAINER = SimpleNamespace(
    world_size=1, is_global_zero=True, local_rank=0, strategy=SimpleNamespace(root_device=torch.device("cpu"))
)


class Fixed:
    """A meter that has read so many kWh."""

    source = "a test's counter"

    def __init__(self, kwh: float):
        self.kwh = kwh

    def read(self) -> float:
        return self.kwh * 3.6e6


def meter(folder: Path, kwh: float, **config: float | str) -> CostMeter:
    callback = CostMeter(CostConfig(**config), folder)  # type: ignore[arg-type]
    callback.meters = [Fixed(kwh)]
    return callback


@pytest.mark.parametrize(
    ("config", "kg"), [({}, 0.96), ({"region": "united_states"}, 0.738), ({"grams_per_kwh": 10.0}, 0.02)]
)
def test_energy_becomes_carbon_dioxide(tmp_path: Path, config: dict[str, float | str], kg: float) -> None:
    cost = meter(tmp_path, 2.0, **config).keep(TRAINER)
    assert (cost.kwh, cost.kg_co2, cost.gpu_hours) == (pytest.approx(2), pytest.approx(kg), 0)
    assert cost.kwh_source == "a test's counter"


def test_starts_of_one_run_add_up(tmp_path: Path) -> None:
    first = meter(tmp_path, 1.0).keep(TRAINER)
    assert json.loads((tmp_path / "cost.json").read_text()) == vars(first)
    both = meter(tmp_path, 0.5).keep(TRAINER)
    assert both.kwh == pytest.approx(1.5)
    assert both.kg_co2 == pytest.approx(0.72)
    assert both.seconds > first.seconds


def test_damaged_note_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "cost.json").write_text("{")
    assert isinstance(meter(tmp_path, 1.0).keep(TRAINER), Cost)


@pytest.mark.parametrize(
    ("config", "words"),
    [({"region": "frnce"}, "Did you mean 'france'"), ({"grams_per_kwh": -1.0}, "must not be negative")],
)
def test_mistakes_are_sentences(config: dict[str, float | str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        CostConfig(**config)  # type: ignore[arg-type]
