"""Probes by the command line: the backbone stays as it was, and features are found again by all that decides them."""

from dataclasses import replace

import pytest
import torch

from data_modules.hmdb51 import FoldConfig
from data_modules.ucf101 import UCF101Data
from internvideo_pl.__main__ import main
from internvideo_pl.backbones.choices import MaskedChoice
from internvideo_pl.data.batch import Batch
from internvideo_pl.data.mini.generate import make_mini
from internvideo_pl.heads.attentive import AttentiveClassifier
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.modules.probe import Probing
from internvideo_pl.objectives.supervised import Supervised, SupervisedConfig
from internvideo_pl.optim import OptimizerConfig
from internvideo_pl.run.features import feature_key, weights_hash
from internvideo_pl.tables.row import read_rows

SMALL = ["checkpoint=null", "data.mini_sizes.train=3", "data.mini_sizes.test=1", "trainer.max_steps=4"]


def module(attentive=False) -> Probing:
    torch.manual_seed(0)
    backbone = MaskedChoice(size="tiny").build()
    model = AttentiveClassifier(backbone, 6, 4) if attentive else Classifier(backbone, 6, ClassifyHeadConfig(norm=True))
    return Probing(
        Supervised(model, SupervisedConfig()), optimizer=OptimizerConfig(lr=0.1), total_steps=4, global_batch=4
    )


def test_whatever_decides_features_is_in_their_key(tmp_path):
    root = make_mini("ucf101", tmp_path, train=1, test=1)
    config = FoldConfig(name="ucf101", num_frames=8, stride=1, size=48, short_side=48, batch_size=4)

    def key(probe, split="test", **changes):
        return feature_key(probe, UCF101Data(replace(config, **changes), root), split)

    probe = module()
    same = {key(probe), key(probe, batch_size=2, num_workers=1, flip=True)}
    assert len(same) == 1
    others = {
        key(probe, **c) for c in ({"test_views": 2}, {"stride": 2}, {"size": 32}, {"fold": 2}, {"split": "train"})
    }
    others.add(key(module(attentive=True)))
    with torch.no_grad():
        next(probe.model.backbone.parameters()).view(-1)[0] += 1
    others.add(key(probe))
    video = next((root / "UCF-101").rglob("*_c02.avi"))
    video.write_bytes(video.read_bytes() + b" ")
    others.add(key(module()))
    assert len(others) == 8
    assert not same & others


@pytest.mark.parametrize("attentive", [False, True])
def test_only_the_classifier_learns_and_features_and_pixels_give_one_score(attentive):
    probe, zeros = module(attentive), torch.zeros(2, dtype=torch.int64)
    video = torch.randint(0, 256, (2, 8, 48, 48, 3), dtype=torch.uint8)
    probe.train()
    assert not probe.model.backbone.training
    scores = probe.scores(Batch(video, zeros, zeros, zeros))
    cached = probe.scores(Batch(probe.encode(video).half(), zeros, zeros, zeros))
    torch.testing.assert_close(cached, scores, rtol=1e-2, atol=1e-2)
    before = weights_hash(probe.model.backbone)
    (optimizer,) = (probe.configure_optimizers()["optimizer"],)
    probe.losses(Batch(video, zeros, zeros, zeros))["loss"].backward()
    optimizer.step()
    assert weights_hash(probe.model.backbone) == before
    assert all(value.grad is not None for value in probe.model.head.parameters())


def test_a_second_probe_finds_the_features_of_the_first(tmp_path, capsys):
    places = [f"paths.results={tmp_path / 'results'}", f"paths.cache={tmp_path / 'cache'}", "wandb.mode=disabled"]
    said = []
    for rate in ("1e-3", "2e-3"):
        assert main(["run", "probe/ucf101_masked_base_linear", "--mini", *places, *SMALL, f"optimizer.lr={rate}"]) == 0
        said.append(capsys.readouterr().err)
    assert "features of 30 train videos" in said[0]
    assert "0 found, 30 computed" in said[0]
    assert "30 found, 0 computed" in said[1]
    rows, _ = read_rows(tmp_path / "results")
    assert [row.coverage.used for row in rows] == [6, 6]
    words = ["data.augment.rand_augment=rand-m7-n4-mstd0.5-inc1", "optimizer.lr=3e-3"]
    assert main(["run", "probe/ucf101_masked_base_linear", "--mini", *places, *SMALL, *words]) == 2
    assert "objective.cache=false" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["probe/ucf101_masked_base_linear", "probe/ucf101_masked_base_attentive"])
def test_probes_are_above_chance(tmp_path, name):
    places = [f"paths.results={tmp_path / 'results'}", f"paths.cache={tmp_path / 'cache'}", "wandb.mode=disabled"]
    assert main(["run", name, "--mini", *places]) == 0
    rows = {row.experiment: row for row in read_rows(tmp_path / "results")[0]}
    assert rows[name].metrics["top1"] > 1.5 * rows[name].chance["top1"]
