"""Models saved, shared through the hub and loaded again: equal in every number, and described by what builds them."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import huggingface_hub.hub_mixin
import pytest
import torch
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from safetensors import safe_open
from torch import nn

from internvideo_pl.backbones.coordinate import CoordinateConfig
from internvideo_pl.backbones.features import InputSpec
from internvideo_pl.errors import UserError
from internvideo_pl.heads.answer import AnswerHeadConfig, QuestionAnswerer
from internvideo_pl.heads.classify import Classifier
from internvideo_pl.heads.coordinated import LogitEnsemble
from internvideo_pl.models import AnswerModel, MaskedModel, MultimodalModel, Recognizer, VideoModel, load, wrap
from internvideo_pl.models import saved as saved_models
from internvideo_pl.models.config import ModelConfig, Target
from internvideo_pl.models.kinds import MODELS
from internvideo_pl.models.networks import KINDS, CoordinatedConfig, describe
from internvideo_pl.models.reading import Reading
from internvideo_pl.models.sizes import MASKED_HEAD, TOWER_HEAD, sized_config, sized_network
from internvideo_pl.weights.lineage import Lineage

FILES = {"README.md", "config.json", "model.safetensors"}


def control():
    """The control of the coordination, which keeps no video tower."""
    config = sized_config("coordinated_tiny", 3)
    coordinate = replace(config.coordinate, keys_from="masked")
    return KINDS["coordinated"].build(replace(config, coordinate=coordinate))


NETWORKS = {
    "masked_encoder": lambda: sized_network("masked_tiny").encoder,
    "masked_autoencoder": lambda: sized_network("masked_tiny"),
    "masked_classifier": lambda: sized_network("masked_tiny", 3),
    "video_tower": lambda: sized_network("video_tower_tiny"),
    "motion_tower": lambda: sized_network("motion_tower_tiny"),
    "video_tower_classifier": lambda: sized_network("video_tower_tiny", 3),
    "multimodal": lambda: sized_network("multimodal_tiny"),
    "question_answerer": lambda: QuestionAnswerer(sized_network("multimodal_tiny"), 4, AnswerHeadConfig(dropout=0.1)),
    "coordinated": lambda: sized_network("coordinated_tiny", 3),
    "control": control,
    "internvideo_t": lambda: sized_network("coordinated_tiny_t", 3),
    "ensemble": lambda: LogitEnsemble([sized_network("masked_tiny", 3), sized_network("video_tower_tiny", 3)]),
}


def random_network(name):
    torch.manual_seed(0)
    network = NETWORKS[name]()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    return network


@pytest.fixture(scope="module")
def frames():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (2, 12, 60, 80, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_comes_back_equal(name, frames, tmp_path):
    model = wrap(random_network(name))
    model.save_pretrained(tmp_path / "model")
    assert {path.name for path in (tmp_path / "model").iterdir()} == FILES
    again = load(tmp_path / "model")
    assert type(again) is type(model)
    assert again.config == model.config
    assert not again.training
    own, other = model.network.state_dict(), again.network.state_dict()
    assert own.keys() == other.keys()
    assert all(torch.equal(own[key], other[key]) for key in own)
    assert torch.equal(again.encode_video(frames), model.encode_video(frames))
    trainable = {key for key, value in model.network.named_parameters() if value.requires_grad}
    assert trainable == {key for key, value in again.network.named_parameters() if value.requires_grad}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_described_by_what_builds_it(name):
    kind, config = describe(NETWORKS[name]())
    assert isinstance(config, KINDS[kind].config)
    assert describe(KINDS[kind].build(config)) == (kind, config)


def test_every_kind_is_tested_and_is_a_model():
    assert {describe(make())[0] for make in NETWORKS.values()} == KINDS.keys() == MODELS.keys()


def test_everything_that_a_person_set_comes_back(tmp_path):
    network = random_network("masked_autoencoder")
    config = replace(
        ModelConfig.of(network),
        reading=Reading(num_frames=8, size=48, short_side=50, sampling="segments", stride=2),
        target=Target(mask_ratio=0.75, norm_target=False, variance_floor=0.1),
        lineage=Lineage(
            "average", "2 files", "", (Lineage("file", "a.pth", "ab" * 32), Lineage("file", "b.pth", "cd"))
        ),
    )
    wrap(network, config).save_pretrained(tmp_path / "model")
    assert load(tmp_path / "model").config == config
    classes = ['a "quoted" name', "Ünïcode 走", ""]
    wrap(
        random_network("masked_classifier"),
        replace(ModelConfig.of(random_network("masked_classifier")), classes=classes),
    ).save_pretrained(tmp_path / "named")
    assert load(tmp_path / "named").config.classes == classes


def test_the_config_says_what_other_readers_need(saved):
    content = json.loads((saved / "config.json").read_text())
    assert content["kind"] == "masked_classifier"
    assert content["classes"] == ["run", "jump"]
    assert content["inputs"] == [
        {"num_frames": 8, "size": 48, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    ]
    assert content["reading"] == {"num_frames": 8, "size": 48, "short_side": 48, "sampling": "dense", "stride": 4}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_weights_alone_know_what_they_are(name, tmp_path):
    model = wrap(random_network(name))
    model.save_pretrained(tmp_path / "model")
    file = (tmp_path / "model" / "model.safetensors").rename(tmp_path / "alone.safetensors")
    alone = load(file)
    assert replace(alone.config, lineage=None) == model.config
    assert alone.config.lineage == Lineage.of_file(file)
    state = model.network.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in alone.network.state_dict().items())


def test_nothing_is_pickled(saved):
    for path in saved.iterdir():
        assert not path.read_bytes().startswith((b"\x80", b"PK"))
    with safe_open(saved / "model.safetensors", framework="pt") as file:
        assert len(list(file.keys())) == len(load(saved).network.state_dict())


def test_saving_again_replaces_weights_and_config(saved):
    other = wrap(random_network("masked_classifier"))
    other.save_pretrained(saved)
    assert {path.name for path in saved.iterdir()} == FILES
    assert torch.equal(load(saved).network.head.weight, other.network.head.weight)


def test_from_pretrained_gives_the_right_class_or_says_which_one(saved):
    assert type(VideoModel.from_pretrained(saved)) is type(Recognizer.from_pretrained(saved)) is Recognizer
    assert Recognizer.from_pretrained(saved, dtype=torch.bfloat16).network.head.weight.dtype == torch.bfloat16
    for other in (MaskedModel, MultimodalModel, AnswerModel):
        with pytest.raises(UserError, match=f"holds a Recognizer, not a {other.__name__}"):
            other.from_pretrained(saved)


# The hub itself is where these tests end: a folder stands in for it.
@pytest.fixture
def hub(tmp_path, monkeypatch):
    store = tmp_path / "hub"

    class Api:
        def __init__(self, token=None):
            self.token = token

        def create_repo(self, repo_id, private=None, exist_ok=False):
            assert exist_ok
            return SimpleNamespace(repo_id=repo_id)

        def upload_folder(self, repo_id, folder_path, **settings):
            assert settings["repo_type"] == "model"
            shutil.copytree(folder_path, store / repo_id, dirs_exist_ok=True)
            return f"hub://{repo_id}/commit/1"

    def download(repository, file, revision=None, token=None):
        if not (store / repository / file).is_file():
            raise EntryNotFoundError(f"no {file} in {repository}")
        return str(store / repository / file)

    monkeypatch.setattr(huggingface_hub.hub_mixin, "HfApi", Api)
    monkeypatch.setattr(saved_models, "hf_hub_download", download)
    return store


def test_to_the_hub_and_back(hub, frames):
    model = wrap(random_network("multimodal"))
    place = model.push_to_hub("someone/tiny", model_card_kwargs={"license": "apache-2.0", "name": "someone/tiny"})
    assert place == "hub://someone/tiny/commit/1"
    assert {path.name for path in (hub / "someone" / "tiny").iterdir()} == FILES
    assert 'load("someone/tiny")' in (hub / "someone" / "tiny" / "README.md").read_text()
    for again in (load("someone/tiny"), MultimodalModel.from_pretrained("someone/tiny")):
        assert torch.equal(again.encode_video(frames), model.encode_video(frames))


def test_a_repository_without_a_saved_model(hub):
    (hub / "someone" / "empty").mkdir(parents=True)
    with pytest.raises(UserError, match=r"someone/empty holds no saved model: config.json is missing"):
        VideoModel.from_pretrained("someone/empty")


def test_without_a_network_it_says_what_to_do(monkeypatch):
    with pytest.raises(
        UserError, match=r"someone/model is no folder here, and the hub cannot be reached for config.json"
    ):
        load("someone/model")

    def offline(*_, **__):
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr(saved_models, "hf_hub_download", offline)
    with pytest.raises(UserError, match="go online, or name a folder"):
        VideoModel.from_pretrained("someone/model")
    monkeypatch.undo()
    with pytest.raises(UserError, match="neither a folder here nor a hub id"):
        VideoModel.from_pretrained("a/b/c")


def test_what_is_no_model_cannot_be_saved():
    with pytest.raises(UserError, match="a Linear is none of the models that can be saved"):
        wrap(nn.Linear(1, 1))


def test_specs_and_configs_are_plain():
    assert ModelConfig.of(sized_network("coordinated_tiny", 2)).inputs[0] == InputSpec(
        8, 48, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    )
    assert isinstance(sized_config("internvideo_d", 2), CoordinatedConfig)
    assert sized_config("internvideo_d", 2).coordinate == CoordinateConfig()
    assert (MASKED_HEAD.norm, TOWER_HEAD.norm) == (False, True)
    assert isinstance(sized_network("masked_tiny", 2), Classifier)
