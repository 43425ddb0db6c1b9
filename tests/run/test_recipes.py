"""Every recipe of the paper in its mini form: it trains on its miniature, its loss falls, its children use it."""

import csv
import json
import statistics
from pathlib import Path

import pytest

from internvideo_pl.__main__ import main
from internvideo_pl.config import load_experiment
from internvideo_pl.data.cache import FrameCache
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.data.order import Draw
from internvideo_pl.folders import list_experiments
from internvideo_pl.run.build import build_data
from internvideo_pl.run.schemas import SCHEMAS

K710 = ["data.mini_sizes.train=8", "data.mini_sizes.val=1"]
HYBRID = [
    *(f"data.parts.kinetics400.mini_sizes.{sizes}" for sizes in ("train=8", "val=2")),
    *(f"data.parts.webvid2m.mini_sizes.{sizes}" for sizes in ("train=96", "val=4")),
]
ALIGN = [
    *(f"data.parts.webvid10m.mini_sizes.{sizes}" for sizes in ("train=96", "val=8")),
    *(f"data.parts.{sizes}" for sizes in ("howto100m.mini_sizes.videos=24", "image_text.mini_sizes.pairs=120")),
    "data.parts.image_text.mini_sizes.shard=40",
]
# recipe -> smaller data than its mini form's
RECIPES = {
    **{f"pretrain/masked_{size}_hybrid": HYBRID for size in ("base", "large", "huge")},
    **{f"pretrain/align_{size}": ALIGN for size in ("base", "large")},
    **{f"posttrain/k710_masked_{size}": K710 for size in ("base", "large", "huge")},
    **{f"posttrain/k710_{kind}": K710 for kind in ("multimodal_base", "multimodal_large", "clip_large")},
    **{f"coordinate/k710_internvideo_{letter}": K710 for letter in "dt"},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("recipes")


def losses(name: str, results: Path, steps: int) -> list[float]:
    """Of every step of a recipe, which is run here, its parents first, unless it was."""
    for parent in load_experiment(name, mini=True, schemas=SCHEMAS).parents.values():
        losses(parent, results, steps)
    words = [f"paths.results={results}", "wandb.mode=disabled", "trainer.log_every_n_steps=1"]
    if not (results / name / "001" / "done.json").is_file():
        assert main(["run", name, "--mini", *words, f"trainer.max_steps={steps}", *RECIPES[name]]) == 0
    with (results / name / "001" / "metrics.csv").open() as file:
        return [float(row["train/loss"]) for row in csv.DictReader(file) if row["train/loss"]]


def test_a_mixture_with_images_trains_and_says_what_it_drew_from(results, capsys):
    found = losses("pretrain/align_base", results, 8)
    assert statistics.mean(found[-2:]) < 0.95 * statistics.mean(found[:2])
    folder = results / "pretrain/align_base/001"
    with (folder / "metrics.csv").open() as file:
        paces = [row for row in csv.DictReader(file) if row["pace/clips_per_second"]]
    tokens = {round(float(row["pace/tokens_per_second"]) / float(row["pace/clips_per_second"])) for row in paces}
    assert tokens == {2 * (6 * 6 + 1)}  # two frames of 48 pixels in patches of 8, each with its class token
    rows = {row["part"]: row for row in json.loads((folder / "mixture.json").read_text())}
    assert rows.keys() == {"webvid10m", "howto100m", "image_text", "self_collected"}
    assert rows["self_collected"]["left_out"]
    printed = capsys.readouterr().out
    assert "mixture of the training data" in printed
    assert "image-text pairs" in (folder / "report.html").read_text()
    assert main(["card", str(folder)]) == 0
    assert "| webvid10m | WebVid-10M |" in capsys.readouterr().out


def test_masked_pretraining_reads_training_lists_alone(tmp_path):
    """Of the datasets with an official layout in one folder, test and validation videos beside the training ones."""
    ssv2, ava = make_mini("ssv2", tmp_path, train=1, val=1), make_mini("ava", tmp_path, train=3, val=2)
    words = [
        "data.parts.ssv2.weight=169", f"data.parts.ssv2.root={ssv2}", "data.parts.ava.weight=21",
        f"data.parts.ava.root={ava}", *HYBRID, f"paths.cache={tmp_path}",
    ]  # fmt: skip
    data = build_data(load_experiment("pretrain/masked_base_hybrid", words, True, schemas=SCHEMAS), FrameCache())
    keys = [sample.key for sample in data.split("train").samples]
    listed = json.loads(next(ssv2.rglob("*train.json")).read_text())
    held_out = json.loads(next(ssv2.rglob("*validation.json")).read_text())
    assert {key for key in keys if key.startswith("ssv2/")} == {f"ssv2/{record['id']}" for record in listed}
    assert held_out
    assert data.parts["ssv2"].config.stride == 2
    lines = (ava / "annotations" / "ava_train_v2.2.csv").read_text().splitlines()
    films = {line.partition(",")[0] for line in lines}
    assert len(films) == 3
    assert {key for key in keys if key.startswith("ava/")} == {f"ava/{film},900" for film in films}
    clips = data.taken["ava"].training_clips(0)
    assert clips[Draw(0, 1)][0].video.shape == (8, 48, 48, 3)


def test_an_epoch_of_masked_pretraining_is_table_1s_clips():
    data = load_experiment("pretrain/masked_base_hybrid", schemas=SCHEMAS).data
    assert data.epoch_size == 1000 * sum(part.weight for part in data.parts.values()) == 930_000


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RECIPES if name != "pretrain/align_base"])
def test_a_recipe_trains_and_its_loss_falls(name, results):
    steps = 30
    found = losses(name, results, steps)
    assert len(found) == steps
    assert statistics.mean(found[-8:]) < statistics.mean(found[:8])


def test_parents_of_recipes_are_experiments_or_released_weights():
    for name in RECIPES:
        parents = load_experiment(name, schemas=SCHEMAS).parents.values()
        assert all(parent in list_experiments() or parent.startswith("clip_") for parent in parents)
    assert list(load_experiment("pretrain/align_base", schemas=SCHEMAS).parents.values()) == ["clip_b16"]
    assert load_experiment("pretrain/align_base", mini=True, schemas=SCHEMAS).parents == {}
