"""What `load` is given: files of others are recognised; wrong names, wrong configs and damage are each a sentence."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from internvideo_pl.backbones.masked_autoencoder import MaskedAutoencoder
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.sizes import MASKED_DECODER, MASKED_VIT
from internvideo_pl.errors import UserError
from internvideo_pl.models import MaskedModel, VideoModel, load
from internvideo_pl.models.reading import Reading


def change_config(folder, change):
    path = folder / "config.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


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
