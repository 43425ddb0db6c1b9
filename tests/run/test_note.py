"""What a run leaves behind is a model that can be used from its folder alone."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from internvideo_pl.__main__ import main
from internvideo_pl.config import load_experiment
from internvideo_pl.models import MaskedModel, load
from internvideo_pl.models.config import ModelConfig, Target
from internvideo_pl.models.reading import Reading
from internvideo_pl.models.sizes import sized_network
from internvideo_pl.run.note import note_of
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.weights import save_model
from tests.data.clips import write_video

CHEAP = ["trainer.max_steps=1", "wandb.mode=disabled", "data.num_workers=0", "data.batch_size=2"]


def test_a_run_s_folder_is_a_model(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERNVIDEO_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    (tmp_path / "videos").mkdir()
    for name in ("one", "two"):
        write_video(tmp_path / "videos" / f"{name}.mp4", frames=20)
    words = ["run", "pretrain/own_videos", "--mini", "--data", str(tmp_path / "videos"), *CHEAP]
    assert main([*words, "objective.mask_ratio=0.75"]) == 0
    model = load(tmp_path / "results" / "pretrain" / "own_videos" / "001")
    assert isinstance(model, MaskedModel)
    assert model.config.reading == Reading(num_frames=8, size=48, short_side=48, sampling="dense", stride=1)
    assert model.config.target == Target(mask_ratio=0.75, norm_target=True, variance_floor=0.02)
    assert list(model.config.lineage.files().values()) == ["model.safetensors"]
    picture = model.reconstruct(tmp_path / "videos" / "one.mp4").masked
    assert picture.eq(128).all(dim=-1).float().mean() == pytest.approx(0.75, abs=0.05)


def test_a_classifier_knows_its_classes(tmp_path):
    classes = ["run", "jump", "swim"]
    experiment = load_experiment("posttrain/k400_masked_base", mini=True, schemas=SCHEMAS)
    network = sized_network("masked_tiny", len(classes))
    note = note_of(network, experiment, SimpleNamespace(classes=classes))
    model = load(save_model(network, tmp_path, note))
    assert model.config.classes == classes
    assert model.config.network == ModelConfig.of(network).network
    video = torch.zeros(8, 48, 48, 3, dtype=torch.uint8)
    assert {guess.label for guess in model.classify(video)[0]} == set(classes)


def test_classes_of_the_data_that_are_not_the_model_s_are_left_out():
    experiment = load_experiment("zeroshot/k400_base", mini=True, schemas=SCHEMAS)
    note = note_of(sized_network("multimodal_tiny"), experiment, SimpleNamespace(classes=["a", "b"]))
    assert note["classes"] is None
    assert ModelConfig.from_note(note, "note").reading.size == experiment.data.size


def test_what_is_no_model_by_itself_notes_its_name():
    assert note_of(nn.Linear(1, 1), None, None) == {"kind": "Linear"}
