import pickle

import pytest
import torch
from torch import nn

from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice, TowerChoice
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.run.folder import mark_done
from internvideo_pl.run.weights import find_parent, load_backbone, load_exactly, read_weights, save_model

MASKED, TOWER = MaskedChoice(size="tiny"), TowerChoice(size="tiny")


def equal(one: nn.Module, other: nn.Module) -> bool:
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_a_saved_model_reads_back_equal(tmp_path):
    model, again = MASKED.build_autoencoder(), MASKED.build_autoencoder()
    assert not equal(model, again)
    load_exactly(again, read_weights(save_model(model, tmp_path)), tmp_path)
    assert equal(model, again)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_an_encoder_starts_from_an_autoencoder_and_from_a_classifier(tmp_path):
    pretrained = MASKED.build_autoencoder()
    encoder = MASKED.build()
    load_backbone(encoder, save_model(pretrained, tmp_path))
    assert equal(encoder.blocks, pretrained.encoder.blocks)
    classifier = Classifier(encoder, 3, ClassifyHeadConfig())
    fresh = MASKED.build()
    load_backbone(fresh, save_model(classifier, tmp_path))
    assert equal(fresh, encoder)


def test_a_tower_starts_from_a_multimodal_encoder_and_from_a_classifier(tmp_path):
    encoder, tower = MultimodalChoice(size="tiny").build(), TOWER.build()
    load_backbone(tower, save_model(encoder, tmp_path))
    assert equal(tower, encoder.visual)
    fresh = TOWER.build()
    load_backbone(fresh, save_model(Classifier(tower, 3, ClassifyHeadConfig()), tmp_path))
    assert equal(fresh, tower)


def test_weights_of_another_model_are_refused_by_name(tmp_path):
    path = save_model(nn.Linear(2, 2), tmp_path)
    with pytest.raises(UserError, match=r"does not fit this MultimodalEncoder: .* are missing"):
        load_backbone(MultimodalChoice(size="tiny").build(), path)
    with pytest.raises(UserError, match="no masked encoder among these tensors"):
        load_backbone(MASKED.build(), path)


def test_a_pickle_is_refused_and_never_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(UserError, match=r"is not a readable \.safetensors file"):
        read_weights(path)
    assert not (tmp_path / "owned").exists()


def test_parents_are_found_by_stage_run_folder_and_file(tmp_path):
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
    with pytest.raises(UserError, match=r"run `make experiment NAME=a` first"):
        find_parent("a", tmp_path, False, {})
    with pytest.raises(UserError, match="there are no weights at"):
        find_parent(str(tmp_path / "gone.safetensors"), tmp_path, True, {})
