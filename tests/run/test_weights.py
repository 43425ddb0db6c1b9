"""Weights between runs, and from released files into runs."""

import json
import pickle
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from internvideo_pl.__main__ import main
from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice, TowerChoice
from internvideo_pl.config import load_experiment
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.run.folder import mark_done
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.weights import AUDIT, ParentWeights, find_parent, find_parents, save_model
from internvideo_pl.tables.row import read_rows
from internvideo_pl.weights.lineage import file_hash
from internvideo_pl.weights.load import build_model, read_model
from internvideo_pl.weights.options import WeightsConfig
from internvideo_pl.weights.recognize import LAYOUTS
from tests.weights.conftest import equal, make, masked_classifier, random, save_in

MASKED = MaskedChoice(size="tiny")
SMALL = ["trainer.max_steps=1", "wandb.mode=disabled", "data.num_workers=0", "data.mini_sizes.train=1"]


@pytest.fixture
def saved(tmp_path):
    return partial(save_in, tmp_path)


def fill(model: nn.Module, path: Path, **options: object) -> ParentWeights:
    parents = ParentWeights({"backbone": path}, WeightsConfig(**options))  # type: ignore[arg-type]
    parents.fill("backbone", model, head=False)
    return parents


def test_a_saved_model_says_what_it_is_and_reads_back_equal(tmp_path):
    model = make("masked_autoencoder")
    found = read_model(save_model(model, tmp_path))
    assert equal(found.state, model.state_dict())
    assert build_model(found).encoder.config == model.encoder.config
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_model_of_another_task_is_saved_too(tmp_path):
    class Localizer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = TowerChoice(size="tiny").build()
            self.boundaries = nn.Linear(96, 2)

    model, other = random(Localizer()), Localizer()
    fill(other, save_model(model, tmp_path))
    assert equal(other.state_dict(), model.state_dict())


def test_a_start_is_written_down_and_travels_with_the_model(tmp_path):
    (tmp_path / "parent").mkdir()
    run = tmp_path / "run"
    run.mkdir()
    parent = save_model(make("masked_autoencoder"), tmp_path / "parent")
    model = masked_classifier()
    parents = fill(model, parent)
    parents.report("posttrain/some", run)
    written = json.loads((run / AUDIT).read_text())
    assert written["audits"]["backbone"]["share"] == 1
    assert "pretraining's last LayerNorm" in (run / "weights.md").read_text()
    history = read_model(save_model(model, run)).lineage
    assert [line.split()[0] for line in history.lines()] == ["file", "train", "file"]
    assert history.files() == {
        file_hash(run / "model.safetensors"): "model.safetensors",
        file_hash(parent): parent.name,
    }


def test_own_weights_are_taken_quietly_and_foreign_ones_shown(tmp_path, saved, capsys):
    fill(masked_classifier(), save_model(make("masked_autoencoder"), tmp_path))
    assert capsys.readouterr().out == ""
    fill(masked_classifier(), saved({"model": make("masked_autoencoder").state_dict()}))
    assert "VideoMAE or InternVideo MAE, pretrained" in capsys.readouterr().out


def test_a_pickle_is_refused_and_never_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps({"model": Evil()}))
    torch.save({"model": Evil()}, tmp_path / "other.safetensors")
    for name in ("model", "other"):
        with pytest.raises(UserError, match=r"not one that PyTorch|would run code"):
            fill(masked_classifier(), tmp_path / f"{name}.safetensors")
    assert not (tmp_path / "owned").exists()


def test_parents_are_found_by_stage_run_folder_file_and_name(tmp_path, monkeypatch):
    run, stage = tmp_path / "a" / "001", tmp_path / "stage"
    for folder in (run, stage):
        folder.mkdir(parents=True)
        save_model(nn.Linear(1, 1), folder)
    mark_done(run, {"mini": True})
    file = run / "model.safetensors"
    assert find_parent("a", tmp_path, True, {}) == file
    assert find_parent("a", tmp_path, True, {"a": stage}) == stage / "model.safetensors"
    assert find_parent(str(run), tmp_path, False, {}) == file
    assert find_parent(str(file), tmp_path, False, {}) == file
    asked = []
    monkeypatch.setattr(
        "internvideo_pl.run.weights.fetch", lambda name, download: asked.append((name, download)) or file
    )
    assert find_parent("internvideo_mae_b", tmp_path, False, {}) == file
    assert find_parent("owner/name:some.pth", tmp_path, False, {}, download=False) == file
    assert asked == [("internvideo_mae_b", True), ("owner/name:some.pth", False)]


@pytest.mark.parametrize(
    ("parent", "says"),
    [
        ("pretrain/masked_k400_base", "run `make experiment NAME=pretrain/masked_k400_base` first"),
        ("pretrain/maksed", "of which there is no finished run"),  # an experiment's name misspelt is no hub id
        ("somewhere/gone.safetensors", "there is no file of weights at"),
        ("gone.pth", "there is no file of weights at"),
        ("internvideo_mm_b16", "object storage"),
        (".", "holds no weights"),
    ],
)
def test_parents_that_are_not_there(tmp_path, parent, says):
    with pytest.raises(UserError, match=says):
        find_parent(parent, tmp_path, False, {})


def experiment(*overrides: str, name: str = "posttrain/k400_masked_base"):
    return load_experiment(name, overrides, True, schemas=SCHEMAS)


def test_checkpoint_is_another_word_for_the_backbones_parent():
    plain = experiment()
    assert plain.parents == {"backbone": "pretrain/masked_k400_base"}
    assert experiment("checkpoint=x.pth").parents == {"backbone": "x.pth"}  # the command line stands over the file
    assert experiment("checkpoint=x.pth").checkpoint is None
    assert experiment("parents.backbone=x.pth") == experiment("checkpoint=x.pth")
    assert experiment("checkpoint=null").parents == {}  # from nothing
    with pytest.raises(UserError, match=r"checkpoint=x\.pth and parents\.backbone=y\.pth name the same weights"):
        experiment("checkpoint=x.pth", "parents.backbone=y.pth")


@pytest.mark.parametrize(
    ("parent", "child", "wins"),
    [
        ("checkpoint: a.pth", "parents: {backbone: b.pth}", "b.pth"),
        ("parents: {backbone: a.pth}", "checkpoint: b.pth", "b.pth"),
        ("checkpoint: a.pth", "checkpoint: b.pth", "b.pth"),
        ("checkpoint: a.pth", "seed: 1", "a.pth"),
        ("checkpoint: a.pth", "mini: {checkpoint: b.pth}", "b.pth"),
        ("parents: {backbone: a.pth}", "mini: {checkpoint: b.pth}", "b.pth"),
    ],
)
def test_the_later_of_both_words_counts(tmp_path, parent, child, wins):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "p.yaml").write_text(parent + "\n")
    (tmp_path / "x.yaml").write_text(f"extends: [base/p]\n{child}\n")
    assert load_experiment("x", mini=True, schemas=SCHEMAS, root=tmp_path).parents == {"backbone": wins}


def test_options_are_checked_with_the_rest():
    for override, says in (
        ("weights.threshold=2", "must lie between 0 and 1"),
        ("weights.mix_ratio=-0.1", "must lie between 0 and 1"),
        ("weights.treshold=1", "Did you mean 'threshold'"),
        ("weights.trust=perhaps", "weights.trust must be"),
        ("chekpoint=x", "Did you mean 'checkpoint'"),
    ):
        with pytest.raises(UserError, match=says):
            experiment(override)
    coordination = experiment("weights.mix=clip_b16", name="coordinate/k400_base")
    with pytest.raises(UserError, match=r"laid over parents\.backbone, which is not named"):
        find_parents(coordination, {})


def test_averages_and_mixes_are_parents_of_the_run(tmp_path, saved):
    files = [saved(make("multimodal", seed).state_dict(), f"{seed}.pth") for seed in range(2)]
    clip = saved(LAYOUTS["openai_clip"].write(make("multimodal", 5).state_dict()), "clip.pt")
    words = [f"checkpoint={files[0]}", f"weights.average=[{files[1]}]", f"weights.mix={clip}", "weights.mix_ratio=0.25"]
    parents = find_parents(experiment(*words, name="zeroshot/k400_base"), {})
    assert dict(parents) == {"backbone": files[0], "backbone.average.0": files[1], "backbone.mix": clip}
    model = MultimodalChoice(size="tiny").build()
    parents.fill("backbone", model)
    first, second, third = (torch.load(path) for path in (*files, clip))
    mean = (first["logit_scale"] + second["logit_scale"]) / 2
    torch.testing.assert_close(model.state_dict()["logit_scale"], 0.25 * third["logit_scale"] + 0.75 * mean)
    assert parents.lineages[0].files() == {file_hash(path): path.name for path in (*files, clip)}


def test_rows_of_a_classifier_by_class_name(tmp_path, saved):
    (tmp_path / "map.json").write_text(json.dumps({"c": 2, "a": 0, "e": 4}))
    tuned, model = make("masked_classifier"), masked_classifier(2)
    parents = ParentWeights({"backbone": saved(tuned.state_dict())}, WeightsConfig(classes=tmp_path / "map.json"))
    parents.fill("backbone", model, head=False, data=SimpleNamespace(classes=["e", "c"]))
    assert torch.equal(model.head.weight, tuned.head.weight[[4, 2]])


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    return tmp_path / "results"


def test_a_run_starts_from_a_released_file_and_tells(results, saved, capsys):
    """DeepSpeed's wrapper around VideoMAE's names: recognised, audited, its hash in the row and the model."""
    pretrained = make("masked_autoencoder")
    path = saved({"module": pretrained.state_dict(), "epoch": 799, "optimizer": {}}, "mp_rank_00_model_states.pt")
    words = ["run", "posttrain/k400_masked_base", "--mini", f"checkpoint={path}", *SMALL]
    assert main(words) == 0
    folder = results / "posttrain" / "k400_masked_base" / "001"
    assert "the decoder of pretraining" in (folder / "weights.md").read_text()
    assert "VideoMAE or InternVideo MAE, pretrained" in capsys.readouterr().out
    assert read_rows(folder)[0][0].parents == {"backbone": file_hash(path)}
    trained = read_model(folder / "model.safetensors")
    assert file_hash(path) in trained.lineage.files()
    assert trained.kind == "masked_classifier"
    assert main([*words[:3], f"checkpoint={saved(make('multimodal').state_dict(), 'mm.pth')}", *SMALL]) == 2
    assert "does not fit this Classifier" in capsys.readouterr().err
    assert len(list((results / "posttrain" / "k400_masked_base").iterdir())) == 1


def test_a_fine_tuned_release_is_evaluated_as_it_is(results, saved):
    """Its classifier is taken along, so that testing needs no training."""
    model = Classifier(MASKED.build(), 12, ClassifyHeadConfig())  # the miniature has 12 classes
    path = saved({"module": LAYOUTS["videomae_finetune"].write(random(model).state_dict())})
    words = [
        "posttrain/k400_masked_base",
        "--mini",
        f"checkpoint={path}",
        "trainer.max_epochs=0",
        "trainer.max_steps=-1",
    ]
    assert main(["run", *words, *SMALL[1:]]) == 0
    folder = results / "posttrain" / "k400_masked_base" / "001"
    audit = json.loads((folder / AUDIT).read_text())["audits"]["backbone"]
    assert [(row["status"], row["per_cent"]) for row in audit["rows"]] == [("matched", 100.0)]
