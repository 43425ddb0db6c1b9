"""Open-set runs: annealed training on known classes, the two test lists and the threshold's, from pixels to row."""

import csv
import json
import shutil

import pytest

from data_modules.hmdb51 import FoldConfig
from data_modules.open_set import UcfAndHmdb, UcfAndMoments
from internvideo_pl.__main__ import main
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.errors import UserError
from internvideo_pl.tables.row import read_rows
from internvideo_pl.tables.safe_svg import safe_svg

SIZES = {"train": 6, "test": 2, "unknown": 2}


@pytest.fixture(scope="module")
def hmdb(tmp_path_factory):
    return make_mini("ucf101_hmdb51", tmp_path_factory.mktemp("mini"), **SIZES)


def data(kind, root):
    return kind(FoldConfig(name="x", num_frames=2, batch_size=4), root)


@pytest.mark.parametrize(("kind", "name", "classes"), [(UcfAndHmdb, "hmdb51", 6), (UcfAndMoments, "mitv2", 12)])
def test_unknown_videos_follow_the_known_ones_under_labels_of_their_own(tmp_path, kind, name, classes):
    root = make_mini(f"ucf101_{name}", tmp_path, **SIZES)
    found = data(kind, root)
    test = found.read("test")
    known, unknown = test.samples[: 6 * 2], test.samples[6 * 2 :]
    assert {sample.label for sample in known} == set(range(6))
    assert {sample.label for sample in unknown} == set(range(6, 6 + classes))
    assert all(f"/{name}/" in sample.path for sample in unknown)
    assert found.unknown_classes == classes
    assert found.protocol["known"] == "ucf101 test 1"
    assert found.protocol["unknown"] in ("hmdb51 test 1", "mitv2 val")
    assert found.missing_parts({known[0].path, unknown[0].path, unknown[1].path, "else"}) == (1, 2)


def test_the_two_datasets_may_lie_beside_one_another(hmdb):
    assert len(data(UcfAndHmdb, hmdb / "ucf101_hmdb51").read("test").samples) == 24


def test_a_test_without_unknown_videos_is_refused(tmp_path, hmdb):
    root = tmp_path / "copy"
    shutil.copytree(hmdb, root, ignore=lambda folder, names: [n for n in names if "hmdb51" in folder and ".avi" in n])
    with pytest.raises(UserError, match="open-set tests need both"):
        data(UcfAndHmdb, root).read("test")


def run(tmp_path, name, *words) -> tuple:
    places = [f"paths.results={tmp_path / 'results'}", f"paths.cache={tmp_path / 'cache'}", "wandb.mode=disabled"]
    assert main(["run", name, "--mini", *places, *words]) == 0
    (row,), _ = read_rows(tmp_path / "results")
    return row, tmp_path / "results" / name / "001"


def test_from_pixels_to_row_histogram_and_scores(tmp_path):
    sizes = [f"data.mini_sizes.{name}={count}" for name, count in SIZES.items()]
    row, folder = run(tmp_path, "openset/ucf101_hmdb51", "trainer.max_steps=2", *sizes)
    assert row.headline == "AUROC"
    assert row.chance["AUROC"] == 50
    assert row.benchmark == "ucf101_hmdb51"
    for name in ("AUPR", "FPR@95", "closed/top1", "thresholded/AUROC", "open_macro_F1", "energy/AUROC"):
        assert 0 <= row.metrics[name] <= 100
    assert row.coverage.official == row.coverage.used == 24  # the training videos, read too, are not tested
    with (folder / "scores.csv").open() as file:
        scores = list(csv.DictReader(file))
    assert [sum(line["part"] == part for line in scores) for part in ("known", "unknown", "training")] == [12, 12, 60]
    names = ("uncertainty", "improbability", "energy")
    assert all((folder / f"{score}.{form}").is_file() for score in names for form in ("svg", "png"))
    noted = [shown["path"] for shown in json.loads((folder / "done.json").read_text())["previews"]]
    assert {f"{score}.svg" for score in names} <= set(noted)
    drawing = (folder / "uncertainty.svg").read_text()
    assert "known" in drawing
    assert safe_svg(drawing) in (folder / "report.html").read_text()
    assert json.loads((folder / "done.json").read_text())["mini"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["openset/ucf101_hmdb51", "openset/ucf101_mit"])
def test_miniatures_are_far_above_chance(tmp_path, name):
    row, _ = run(tmp_path, name)
    assert row.metrics["AUROC"] > 65
    assert row.metrics["closed/top1"] > 50
