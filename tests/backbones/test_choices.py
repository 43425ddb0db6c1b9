"""What experiments say of coordinated backbones: sizes by name, parts in their place, mistakes in a sentence."""

import pytest
import torch

from internvideo_pl.backbones.choices import MaskedChoice, TowerChoice
from internvideo_pl.backbones.coordinate import CoordinateConfig
from internvideo_pl.config import load_experiment
from internvideo_pl.errors import UserError
from internvideo_pl.models.cost import parameters
from internvideo_pl.models.sizes import sized_network
from internvideo_pl.run.schemas import SCHEMAS

HEADER = "objective: {name: coordinate, masked_head: {}, multimodal_head: {}}\n"


@pytest.fixture
def load(tmp_path):
    """An experiment with the given backbone, out of a YAML file."""

    def load(backbone, *overrides):
        (tmp_path / "joined.yaml").write_text(HEADER + f"backbone: {backbone}\n")
        return load_experiment("joined", overrides, schemas=SCHEMAS, root=tmp_path).backbone

    return load


def test_the_paper_s_models_by_name(load):
    d = load("{name: coordinated, size: internvideo_d}")
    assert (d.masked.size, d.multimodal.size, d.second) == ("huge", "large", None)
    assert d.coordinate == CoordinateConfig()
    t = load("{name: coordinated, size: internvideo_t}")
    assert (t.masked, t.multimodal, t.coordinate) == (d.masked, d.multimodal, d.coordinate)
    assert t.second == TowerChoice(size="large")


def test_what_is_named_beside_a_size_stands_in_its_place(load):
    backbone = load(
        "{name: coordinated, size: internvideo_t}",
        "backbone.masked={size: base, num_frames: 32}",
        "backbone.second={size: large_336}",
        "backbone.coordinate.num_pairs=4",
    )
    assert backbone.masked == MaskedChoice(size="base", num_frames=32)
    assert backbone.multimodal == TowerChoice(size="large")
    assert backbone.second == TowerChoice(size="large_336")
    assert backbone.coordinate == CoordinateConfig(num_pairs=4)


def test_encoders_without_a_size_as_before(load):
    backbone = load("{name: coordinated, masked: {size: base}, multimodal: {size: base}}")
    assert (backbone.masked.size, backbone.multimodal.size, backbone.second) == ("base", "base", None)
    assert backbone.coordinate == CoordinateConfig()


@pytest.mark.parametrize(
    ("backbone", "sentence"),
    [
        ("{name: coordinated}", "backbone: coordination joins two encoders: name a size, such as size=internvideo_d"),
        ("{name: coordinated, masked: {size: base}}", "coordination joins two encoders"),
        ("{name: coordinated, size: internvideo_e}", "must be one of .*'internvideo_d', 'internvideo_t'"),
        ("{name: coordinated, size: tiny, third: {}}", "Unknown key 'backbone.third'"),
    ],
)
def test_mistakes(backbone, sentence, load):
    with pytest.raises(UserError, match=sentence):
        load(backbone)


def test_parameters_of_the_paper_s_models():
    """Table 2: 1.0 B and 1.3 B, which are the frozen encoders; ours has 51 M trainable ones on top of both."""
    with torch.device("meta"):
        d, t = (sized_network(name, 400) for name in ("internvideo_d", "internvideo_t"))
    encoders = (d.backbone.masked, d.backbone.tower)
    assert round(sum(map(parameters, encoders)) / 1e9, 1) == 1.0
    assert round(sum(map(parameters, (*encoders, t.second))) / 1e9, 1) == 1.3
    assert round(parameters(d) / 1e9, 1) == 1.0
    assert int(parameters(t) / 1e8) / 10 == 1.3  # 1.39: cut off, not rounded
    assert parameters(d, trainable=True) == pytest.approx(52.1e6, rel=2e-3)
    assert parameters(t) - parameters(d) == pytest.approx(354.1e6, rel=1e-3)
    assert d.backbone.pairs == t.coordinated.backbone.pairs == [(30, 22), (31, 23)]
    assert not any(p.requires_grad for part in (*encoders, t.second) for p in part.parameters())
