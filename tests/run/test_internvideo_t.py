"""InternVideo-T from an experiment: three parents in, one model that starts as their sum; mistakes before any work."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from internvideo_pl.config import load_experiment
from internvideo_pl.errors import UserError
from internvideo_pl.models.sizes import sized_network
from internvideo_pl.run.build import build_module, check_fit
from internvideo_pl.run.schemas import SCHEMAS
from internvideo_pl.run.weights import ParentWeights, save_model
from internvideo_pl.weights.options import WeightsConfig

YAML = """
backbone: {name: coordinated, size: SIZE}
objective:
  name: coordinate
  masked_head: {}
  multimodal_head: {dropout: 0.5, init_scale: 1.0, norm: true}
data: {name: kinetics400, batch_size: 2, num_frames: 8, sampling: dense, size: 48, short_side: 48}
parents: {masked: a, multimodal: b, second: c}
trainer: {max_steps: 2}
optimizer: {lr: 1e-3}
"""
CLASSES = ["run", "jump", "swim"]


def experiment(folder, size):
    (folder / "t.yaml").write_text(YAML.replace("SIZE", size))
    return load_experiment("t", schemas=SCHEMAS, root=folder)


def test_the_model_of_an_experiment_starts_as_the_sum_of_its_parents(tmp_path):
    found, parents = {}, {}
    for seed, (role, size) in enumerate(
        {"masked": "masked_tiny", "multimodal": "video_tower_tiny", "second": "video_tower_tiny"}.items()
    ):
        torch.manual_seed(seed)
        found[role] = sized_network(size, len(CLASSES)).eval()
        for parameter in found[role].parameters():
            nn.init.normal_(parameter, std=0.2)
        (tmp_path / role).mkdir()
        parents[role] = save_model(found[role], tmp_path / role)
    chosen = experiment(tmp_path, "tiny_t")
    check_fit(chosen)
    weights = ParentWeights(parents, WeightsConfig())
    module = build_module(
        chosen, SimpleNamespace(classes=CLASSES, rows_in=lambda names, count: None), weights, total_steps=2
    ).eval()
    video = torch.randint(0, 256, (2, 8, 48, 48, 3), dtype=torch.uint8)
    inputs = module.model.input.prepare(video)
    own = [found[role](clip) for role, clip in zip(("masked", "multimodal", "second"), inputs, strict=True)]
    assert torch.equal(module.model(inputs), own[1] + own[0] + own[2])
    assert module.model.second_head.config.dropout == chosen.objective.dropout == 0.9


def test_a_second_parent_without_a_second_tower_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"parents.second: this backbone has no second video tower"):
        check_fit(experiment(tmp_path, "tiny"))
