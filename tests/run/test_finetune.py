"""Fine-tuning: from pixels to row on new miniatures, K710's classifier for other Kinetics, means over splits."""

import csv
import json
from types import SimpleNamespace

import pytest
import torch

from data_modules.kinetics import Kinetics400
from data_modules.kinetics_classes import class_of, public_order
from internvideo_pl.__main__ import main
from internvideo_pl.backbones.choices import MaskedChoice
from internvideo_pl.config import load_experiment
from internvideo_pl.errors import UserError
from internvideo_pl.folders import list_experiments
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.weights import ParentWeights, save_model
from internvideo_pl.tables.row import read_rows
from internvideo_pl.weights.options import WeightsConfig
from tests.data_modules.lists import REAL, real

BENCHMARKS = {"k400", "k600", "k700", "ssv1", "ssv2", "hmdb51"}


def places(tmp_path) -> list[str]:
    return [f"paths.results={tmp_path / 'results'}", f"paths.cache={tmp_path / 'cache'}", "wandb.mode=disabled"]


def rows_of(tmp_path, name, *words):
    assert main(["run", name, "--mini", *places(tmp_path), *words]) == 0
    return {row.experiment: row for row in read_rows(tmp_path / "results")[0]}


def test_every_recognition_benchmark_has_its_headline_and_both_encoders_alone():
    experiments = [
        load_experiment(name, schemas=SCHEMAS)
        for name in list_experiments()
        if name.startswith(("finetune/k", "finetune/ssv", "finetune/hmdb", "openset/"))
    ]
    assert "finetune/k400" in {experiment.name for experiment in experiments}
    parents = {parent for experiment in experiments for parent in experiment.parents.values()}
    assert all(parent in list_experiments() or parent.startswith("clip_") for parent in parents)
    for bench in BENCHMARKS:
        own = [x for x in experiments if x.name.split("/")[1].split("_")[0] == bench and x.backbone]
        assert {x.backbone.name for x in own} == {"masked_vit", "video_tower", "coordinated"}
        assert any(x.benchmark == bench for x in experiments)


def test_a_small_run_on_folders_of_pictures(tmp_path):
    rows = rows_of(tmp_path, "finetune/ssv1_masked_huge", "trainer.max_steps=2", "data.mini_sizes.train=8")
    (row,) = rows.values()
    assert (row.benchmark, row.chance["top1"], row.protocol["split"]) == ("ssv1", 25.0, "val")
    assert row.coverage.complete
    with (tmp_path / "results/finetune/ssv1_masked_huge/001/classes.csv").open() as file:
        classes = list(csv.DictReader(file))
    assert [line["videos"] for line in classes] == ["24"] * 4
    assert sum(float(line["top1"]) for line in classes) / 4 == pytest.approx(row.metrics["top1"], abs=1e-3)


# --- from K710 ----------------------------------------------------------------------------------------------------


def known_by(classes) -> SimpleNamespace:
    """What a dataset of these classes says of classifiers of others."""
    data = SimpleNamespace(classes=classes)
    data.rows_in = lambda names, count: Kinetics400.rows_in(data, names, count)
    return data


def transferred(tmp_path, names, classes, head=False) -> tuple[Classifier, Classifier]:
    """A saved classifier of classes `names`, and one of others that started from it."""
    build = MaskedChoice(size="tiny").build
    saved, fresh = (Classifier(build(), len(c), ClassifyHeadConfig(init_scale=1.0)) for c in (names, classes))
    torch.nn.init.normal_(saved.head.bias)
    path = save_model(saved, tmp_path, {"kind": "masked_classifier", "classes": list(names)})
    ParentWeights({"backbone": path}, WeightsConfig()).fill("backbone", fresh, head=head, data=known_by(classes))
    return saved, fresh


def test_rows_are_chosen_by_name_and_synonyms_are_one_class(tmp_path):
    names = ["zumba", "hugging (not baby)", "archery", "tying necktie"]
    saved, fresh = transferred(tmp_path, names, ["archery", "hugging", "tying tie"])
    assert torch.equal(fresh.head.weight, saved.head.weight[[2, 1, 3]])
    assert torch.equal(fresh.head.bias, saved.head.bias[[2, 1, 3]])


def test_as_many_other_classes_are_no_reason_to_take_a_classifier(tmp_path):
    saved, fresh = transferred(tmp_path, ["a", "b", "c"], ["a", "b", "d"])
    assert not torch.equal(fresh.head.weight, saved.head.weight)
    assert all(torch.equal(a, b) for a, b in zip(fresh.backbone.parameters(), saved.backbone.parameters(), strict=True))
    with pytest.raises(UserError, match="tells other classes apart"):
        transferred(tmp_path, ["a", "b", "c"], ["a", "b", "d"], head=True)


def test_the_same_classes_in_the_same_order_under_older_names_are_taken_as_they_are(tmp_path):
    saved, fresh = transferred(tmp_path, ["archery", "hugging (not baby)"], ["archery", "hugging"])
    assert torch.equal(fresh.head.weight, saved.head.weight)
    assert torch.equal(fresh.head.bias, saved.head.bias)


def test_the_same_classes_in_another_order_are_put_into_this_one(tmp_path):
    saved, fresh = transferred(tmp_path, ["b", "a"], ["a", "b"], head=True)
    assert torch.equal(fresh.head.weight, saved.head.weight.flip(0))


@real
def test_rows_of_the_public_k710_orders():
    def read(name):
        return (REAL / name).read_text().splitlines()

    for version in (400, 600, 700):
        classes = read(f"kinetics/label_map_k{version}.mmaction2_sorted.txt")
        data = known_by(classes)
        rows = data.rows_in(None, 710)  # a released file does not name its classes: UniFormerV2's order
        assert len(set(rows)) == version
        assert [class_of(public_order()[row]) for row in rows] == [class_of(name) for name in classes]
        assert version > 400 or rows == list(range(400))
        assert data.rows_in(None, 709) is None
        shuffled = read("k710/videomaev2_label_map_k710.txt")
        given = json.loads((REAL / f"k710/videomaev2_label_710to{version}.json").read_text())
        assert len(set(given)) == version
        named = dict(zip(read(f"k710/videomaev2_label_map_k{version}.txt"), given, strict=True))
        found = {class_of(name): row for row, name in enumerate(shuffled)}
        unlike = {name for name, row in named.items() if found.get(class_of(name)) != row}
        assert len(unlike) <= 3, unlike  # its own maps rename two classes wrongly


@pytest.mark.slow
def test_a_miniature_of_k400_starts_from_one_of_k710(tmp_path):
    small = ["data.mini_sizes.train=8", "data.mini_sizes.val=2"]
    rows_of(tmp_path, "posttrain/k710_masked_base", "~parents", "trainer.max_steps=2", *small)
    parent = tmp_path / "results/posttrain/k710_masked_base/001"
    words = [f"checkpoint={parent}", "trainer.max_steps=1", "data.mini_sizes.first=hugging", *small]
    rows_of(tmp_path, "finetune/k400", *words)
    told = (tmp_path / "results/finetune/k400/001/weights.md").read_text()
    assert "head.weight" not in told  # matched, like all the rest: neither fresh nor left out
    assert "| matched |" in told


# --- whole miniatures ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_mean_over_three_splits(tmp_path):
    name = "finetune/ucf101"
    rows_of(tmp_path, name, "trainer.max_steps=60")
    (average,) = [row for row in read_rows(tmp_path / "results" / name / "001")[0] if row.experiment == name]
    assert average.protocol["split"] == "mean of test 1, 2, 3"
    assert average.coverage.official == 3 * 96
