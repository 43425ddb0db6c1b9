"""Models saved, shared and loaded again: equal in every number, and every damaged file a sentence."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import huggingface_hub.hub_mixin
import pytest
import torch
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from internvideo_pl.backbones.coordinate import CoordinateConfig
from internvideo_pl.backbones.features import InputSpec
from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.sizes import MASKED_DECODER, MASKED_VIT
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


@pytest.fixture
def saved(tmp_path):
    """A small model in a folder, to be damaged."""
    torch.manual_seed(0)
    load("masked_tiny", fresh=True, classes=["run", "jump"]).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def change_config(folder, change):
    path = folder / "config.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c["network"]["encoder"].update(widht=3), r"no key 'network.encoder.widht'. Did you mean 'width'"),
        (lambda c: c.update(clases=[]), r"no key 'clases'. Did you mean 'classes'"),
        (lambda c: c["network"]["encoder"].pop("width"), r"the key 'network.encoder.width' is missing"),
        (lambda c: c["network"]["encoder"].update(width="96"), r"network.encoder.width must be of type int, got '96'"),
        (lambda c: c["network"]["encoder"].update(checkpointing=1), "checkpointing must be of type bool, got 1"),
        (lambda c: c["network"]["encoder"].update(heads=5), "heads=5 must divide width=96"),
        (lambda c: c["network"]["encoder"].update(heads=0), "network.encoder does not fit together"),
        (lambda c: c["network"].update(encoder=[]), r"network.encoder must be a mapping, got \[\]"),
        (lambda c: c["network"]["encoder"].update(width=192), r"is \(96.*\) instead of \(192"),
        (lambda c: c["network"]["encoder"].update(depth=5), r"blocks.4.*is missing"),
        (
            lambda c: c["network"]["encoder"].update(depth=10**9),
            "asks for 1,000,000,000 blocks, more than there are tensors",
        ),
        (lambda c: c["network"]["encoder"].update(depth=-1), "does not fit its config"),
        (lambda c: c["network"]["encoder"].update(width=-96), "describes no network"),
        (lambda c: c["network"]["encoder"].update(image_size=8 * 10**5), "clips of more than 262,144 tokens"),
        (lambda c: c["network"]["encoder"].update(table_frames=4 * 10**9), "clips of more than 262,144 tokens"),
        (lambda c: c["network"]["encoder"].update(image_size=64), "the config's inputs"),
        (lambda c: c.update(kind="masked_clasifier"), "kind cannot be 'masked_clasifier'. Did you mean"),
        (lambda c: c.update(kind="multimodal"), "no key 'network.encoder'"),
        (lambda c: c.update(classes=["run"]), "1 class names do not fit a masked_classifier, which has 2"),
        (lambda c: c.update(classes=[1, 2]), "classes.0 must be of type str, got 1"),
        (lambda c: c["reading"].update(sampling="sprad"), "reading.sampling cannot be 'sprad'. Did you mean 'spread'"),
        (lambda c: c["reading"].update(num_frames=0), "reading does not fit together: num_frames"),
        (lambda c: c["inputs"][0].update(mean=[0.5, 0.5, 0.5]), "the config's inputs are not those of its network"),
        (lambda c: c["inputs"][0].update(mean=[0.5]), "inputs.0.mean has 1 entries instead of 3"),
        (lambda c: c.update(lineage={"operation": 3}), "the history that the file carries is damaged"),
        (lambda c: c.update(format=2), "is not the config of a model of this library, format 1"),
    ],
)
def test_a_wrong_config_is_a_sentence_that_names_the_key(change, sentence, saved):
    change_config(saved, change)
    with pytest.raises(UserError, match=sentence):
        load(saved)


def test_files_that_are_gone_or_damaged(saved, tmp_path):
    (saved / "config.json").write_text("{")
    with pytest.raises(UserError, match="is not the config of a model of this library"):
        VideoModel.from_pretrained(saved)
    (saved / "config.json").unlink()
    with pytest.raises(UserError, match=r"holds no saved model: config.json is missing"):
        VideoModel.from_pretrained(saved)
    assert load(saved).config.classes == ["run", "jump"]  # the weights carry the same note


def test_weights_that_are_cut_off_or_of_another_model(saved):
    path = saved / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:1000])
    with pytest.raises(UserError, match="cut off or damaged"):
        load(saved)
    path.write_bytes(content)
    state = load_file(path)
    state["extra"] = torch.zeros(1)
    save_file(state, path)
    with pytest.raises(UserError, match=r"does not fit its config: extra is unknown \(1 such"):
        load(saved)
    path.unlink()
    with pytest.raises(UserError, match=r"holds no saved model: model.safetensors is missing"):
        load(saved)


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        (
            "multimodal_base",
            {},
            r"is a size, not a set of weights: load\('multimodal_base', fresh=True\).*internvideo_mm",
        ),
        ("multimodal_bse", {}, "there is no file, folder or model 'multimodal_bse'. Did you mean 'multimodal_base'"),
        ("internvideo_mm_l15", {}, "Did you mean 'internvideo_mm_l14'"),
        ("masked_bsae", {"fresh": True}, "there is no size 'masked_bsae'. Did you mean 'masked_base'"),
        ("internvideo_d", {"fresh": True}, "say of which classes"),
        ("multimodal_tiny", {"fresh": True, "classes": ["a"]}, "name the classes in classify"),
        ("masked_tiny", {"fresh": True, "device": "cuda:77"}, "cannot be put on cuda:77"),
        ("masked_tiny", {"fresh": True, "device": "gpu"}, "cannot be put on gpu"),
    ],
)
def test_names_that_are_not_there(name, options, sentence):
    with pytest.raises(UserError, match=sentence):
        load(name, **options)


def test_files_of_others_are_recognised_by_their_tensors(tmp_path):
    torch.manual_seed(0)
    encoder = replace(MASKED_VIT["small"], depth=1, pooling="tokens")
    network = MaskedAutoencoder(MaskedEncoder(encoder), replace(MASKED_DECODER["small"], depth=1))
    folder = tmp_path / "theirs"
    folder.mkdir()
    torch.save({"module": network.state_dict(), "epoch": 3}, folder / "pytorch_model.bin")
    (folder / "config.json").write_text('{"model_type": "of another library"}')
    for place in (folder, folder / "pytorch_model.bin"):
        model = load(place)
        assert isinstance(model, MaskedModel)
        assert model.config.network.encoder.heads == 6  # of the published size
        assert model.config.reading == Reading(num_frames=16, size=224, short_side=224, sampling="dense", stride=4)
        assert list(model.config.lineage.files().values()) == ["pytorch_model.bin"]
        own = network.state_dict()
        assert all(torch.equal(value, own[name]) for name, value in model.network.state_dict().items())
        assert model.network.encoder.positions.device.type == "cpu"
    video = torch.zeros(16, 224, 224, 3, dtype=torch.uint8)
    expected = network.eval().encoder(network.encoder.input.prepare(video[None])).pooled
    torch.testing.assert_close(model.encode_video(video), expected)


def test_classes_can_be_named_when_a_classifier_is_loaded(saved):
    assert load(saved, classes=["a", "b"]).config.classes == ["a", "b"]
    with pytest.raises(UserError, match="3 class names do not fit a masked_classifier, which has 2"):
        load(saved, classes=["a", "b", "c"])


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
