"""Every experiment file of the project: it loads, says what it is for, and reads back equal from beside its run."""

import dataclasses
import re

import pytest
from omegaconf import OmegaConf

from internvideo_pl.config import list_experiments, load_experiment, load_resolved, save_config
from internvideo_pl.folders import project_root
from internvideo_pl.run.batches import StepBatch, share_out
from internvideo_pl.run.schemas import SCHEMAS

NAMES = list_experiments()
HEADER = ("Reproduces", "Command", "Cost", "Expected")


def test_there_are_experiments():
    assert "demo" in NAMES


@pytest.mark.parametrize("mini", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_experiment_loads_and_reads_back_equal(name, mini, tmp_path):
    experiment = load_experiment(name, mini=mini, schemas=SCHEMAS)
    assert experiment.mini is mini
    save_config(experiment, tmp_path / "config.yaml")
    assert load_resolved(tmp_path / "config.yaml", schemas=SCHEMAS) == experiment
    wanted = experiment.trainer.global_batch
    if wanted is not None:
        assert not mini  # a full-size recipe's batch would be accumulated for hours
        experiment.trainer.devices = 8
        share_out(experiment)
        assert StepBatch.of(experiment).size == wanted


@pytest.mark.parametrize("name", NAMES)
def test_header_says_what_it_reproduces_how_at_what_cost_and_what_comes_out(name):
    text = (project_root() / "experiments" / f"{name}.yaml").read_text(encoding="utf-8")
    header = re.match(r"(#.*\n)+", text)[0]
    assert [word for word in HEADER if f"# {word}:" not in header] == []
    assert f"make experiment NAME={name}" in header


@pytest.mark.parametrize(("section", "name"), [(section, name) for section in SCHEMAS for name in SCHEMAS[section]])
def test_schema_can_be_a_section(section, name):
    schema = SCHEMAS[section][name]
    assert "name" in {item.name for item in dataclasses.fields(schema)}
    OmegaConf.structured(schema)  # refuses an annotation that YAML cannot carry
