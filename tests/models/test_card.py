"""Model cards: true, complete, and nothing assumed."""

from dataclasses import replace

import pytest
import yaml
from huggingface_hub import ModelCard

from internvideo_pl.models import wrap
from internvideo_pl.models.card import KIND_WORDS, write_card
from internvideo_pl.models.config import ModelConfig
from internvideo_pl.models.cost import parameters, video_flops
from internvideo_pl.models.networks import KINDS
from internvideo_pl.models.sizes import sized_network
from internvideo_pl.weights.lineage import Lineage


@pytest.fixture(scope="module")
def network():
    return sized_network("masked_tiny", 7)


def test_every_kind_has_its_words():
    assert KIND_WORDS.keys() == KINDS.keys()


def test_what_is_not_known_is_not_claimed(network):
    text = write_card(ModelConfig.of(network), network)
    assert "license" not in yaml.safe_load(text.split("---")[1])
    for sentence in ("What it was trained on was not stated.", "None given.", "Not stated: the terms"):
        assert sentence in text
    assert "Lineage" not in text


def test_everything_that_is_known_is_there(network):
    lineage = Lineage("train", "posttrain/k400", "", (Lineage("file", "mae.pth", "ab" * 32),))
    classes = [f"class number {k}" for k in range(7)]
    config = replace(ModelConfig.of(network), classes=classes, lineage=lineage)
    text = write_card(
        config,
        network,
        title="ViT-Tiny",
        name="someone/tiny",
        data="Kinetics-400 (CC BY 4.0)",
        license="apache-2.0",
        metrics={"K400 top-1, 5 x 3 views": 81.5},
        note="averaged over 3 epochs",
    )
    header = yaml.safe_load(text.split("---")[1])
    assert header["license"] == "apache-2.0"
    assert header["pipeline_tag"] == "video-classification"
    assert header["library_name"] == "internvideo_pl"
    for part in (
        "# ViT-Tiny",
        "Averaged over 3 epochs.",
        "Kinetics-400 (CC BY 4.0)",
        "| K400 top-1, 5 x 3 views | 81.5 |",
        'load("someone/tiny")',
        "| classes | 7: class number 0, class number 1",
        f"| parameters | {parameters(network) / 1e6:.2f} M |",
        f"| cost of a clip | {video_flops(network) / 1e9:.1f} GFLOP",
        "8 frames of 48 x 48 pixels, dense at a stride of 4",
        "train posttrain/k400\n  file mae.pth  sha256 " + "ab" * 32,
    ):
        assert part in text


@pytest.mark.parametrize("name", ["masked_tiny", "video_tower_tiny", "multimodal_tiny"])
def test_the_hub_can_read_it(name, tmp_path):
    wrap(sized_network(name)).save_pretrained(tmp_path)
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.library_name == "internvideo_pl"
    assert card.data.pipeline_tag


def test_a_card_that_a_person_wrote_stays(network, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    wrap(network).save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
