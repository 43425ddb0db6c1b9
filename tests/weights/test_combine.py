"""Averages, mixes with CLIP, other classes and other resolutions: by hand, and with their history."""

import pytest
import torch

from internvideo_pl.backbones.released_clip import resize_positions
from internvideo_pl.errors import UserError
from internvideo_pl.weights.combine import averaged, mixed, resized, with_classes
from internvideo_pl.weights.lineage import file_hash
from internvideo_pl.weights.load import build_model, read_model
from internvideo_pl.weights.recognize import LAYOUTS
from tests.weights.conftest import equal, make, random, tower_classifier


def test_an_average_is_the_mean_of_every_tensor(saved):
    paths = [saved(make("video_tower_classifier", seed).state_dict(), f"{seed}.pth") for seed in range(3)]
    many = [read_model(path) for path in paths]
    mean = averaged(many)
    for name, value in mean.state.items():
        stack = torch.stack([one.state[name].double() for one in many])
        torch.testing.assert_close(value.double(), stack.mean(0), rtol=0, atol=1e-6)
    assert mean.lineage.files() == {file_hash(path): path.name for path in paths}
    assert mean.lineage.operation == "average"
    assert read_model(paths[0]).state["head.weight"].equal(many[0].state["head.weight"])  # its parents are unharmed
    build_model(mean)


def test_counters_are_not_averaged(saved):
    one, other = (random(tower_classifier(motion=True), seed) for seed in (0, 1))
    name = "backbone.transformer.resblocks.0.lmhra1.pos_embed.0.num_batches_tracked"
    one.state_dict()[name].fill_(10)
    mean = averaged([read_model(saved(one.state_dict(), "a")), read_model(saved(other.state_dict(), "b"))])
    assert mean.state[name].item() == 10
    assert mean.state[name].dtype == torch.int64


def test_only_equal_models_are_averaged(saved):
    tower, classes = make("video_tower_classifier"), random(tower_classifier(6))
    first = read_model(saved(tower.state_dict(), "a"))
    with pytest.raises(UserError, match="cannot be averaged: they do not hold the same tensors"):
        averaged([first, read_model(saved(make("video_tower").state_dict(), "b"))])
    with pytest.raises(UserError, match=r"head\.weight cannot be averaged: its shapes are \(5, 96\) and \(6, 96\)"):
        averaged([first, read_model(saved(classes.state_dict(), "c"))])


def test_half_precision_is_averaged_in_single(saved):
    many = []
    for i in range(2):
        state = {name: x.half() for name, x in make("video_tower", i).state_dict().items()}
        many.append(read_model(saved(state, str(i))))
    mean = averaged(many).state["class_embedding"]
    assert mean.dtype == torch.float32
    assert torch.equal(mean, (many[0].state["class_embedding"].float() + many[1].state["class_embedding"].float()) / 2)


@pytest.fixture
def clip(saved):
    return read_model(saved(LAYOUTS["openai_clip"].write(make("multimodal", 7).state_dict()), "clip.pt"))


@pytest.mark.parametrize("kind", ["multimodal", "video_tower_classifier", "question_answerer"])
def test_a_mix_with_clip_touches_clips_tensors_alone(saved, clip, kind):
    model = make(kind)
    ours = read_model(saved(model.state_dict(), "ours.pth"))
    prefix = {"multimodal": "", "video_tower_classifier": "backbone.", "question_answerer": "encoder."}[kind]
    mix = mixed(ours, clip, 0.25)
    touched = 0
    for name, value in ours.state.items():
        bare = name.removeprefix(prefix)
        theirs = clip.state.get(bare if kind != "video_tower_classifier" else f"visual.{bare}")
        if theirs is None or not name.startswith(prefix):
            assert torch.equal(mix.state[name], value)
        else:
            touched += 1
            torch.testing.assert_close(mix.state[name], 0.25 * theirs + 0.75 * value)
    assert touched == (len(clip.state) if kind != "video_tower_classifier" else 53)
    assert [parent.detail for parent in mix.lineage.parents] == ["ours.pth", "clip.pt"]
    assert f"{touched} tensors" in mix.lineage.detail
    assert equal(mixed(ours, clip, 0.0).state, ours.state)


def test_tuned_weights_are_drawn_back_to_their_start(saved):
    start = read_model(saved(make("multimodal").state_dict(), "start.pth"))
    tuned = read_model(saved(make("multimodal").state_dict(), "tuned.pth"))
    mix = mixed(tuned, start, 0.3)
    for name, value in tuned.state.items():
        torch.testing.assert_close(mix.state[name], 0.3 * start.state[name] + 0.7 * value)
    assert equal(mixed(tuned, start, 0.0).state, tuned.state)


def test_only_clip_and_the_same_kind_are_mixed_in(saved, clip):
    ours = read_model(saved(make("multimodal").state_dict(), "ours.pth"))
    masked = read_model(saved(make("masked_classifier").state_dict(), "m.pth"))
    with pytest.raises(UserError, match=r"cannot be mixed into .*ours\.pth"):
        mixed(ours, masked, 0.5)
    with pytest.raises(UserError, match="in which there is nothing of CLIP"):
        mixed(masked, clip, 0.5)


def test_other_classes(saved):
    ours = read_model(saved(random(tower_classifier(710)).state_dict()))
    fewer = with_classes(ours, None, 400)
    assert fewer.num_classes == 400
    assert torch.equal(fewer.state["head.weight"], ours.state["head.weight"][:400])
    assert fewer.state["head.norm.weight"].shape == (96,)
    assert build_model(fewer).head.out_features == 400
    assert torch.equal(with_classes(ours, [5, 3], 2).state["head.bias"], ours.state["head.bias"][[5, 3]])
    with pytest.raises(UserError, match=r"710 classes of .* cannot become 600 by a rule"):
        with_classes(ours, None, 600)
    with pytest.raises(UserError, match="has no classifier"):
        with_classes(read_model(saved(make("multimodal").state_dict())), None, 400)


@pytest.mark.parametrize("kind", ["multimodal", "video_tower_classifier", "video_tower", "question_answerer"])
def test_another_resolution_of_a_tower(saved, kind):
    ours = read_model(saved(make(kind).state_dict()))
    larger = resized(ours, frames=6, size=64)
    names = [name for name in ours.state if name.endswith("positional_embedding") and "text." not in name]
    assert len(names) == 1
    assert torch.equal(larger.state[names[0]], resize_positions(ours.state[names[0]], 8))
    model = build_model(larger)
    assert larger.lineage.detail == "to 6 frames, 64 pixels"
    tower = {"question_answerer": lambda: model.encoder.visual, "multimodal": lambda: model.visual}.get(
        kind, lambda: getattr(model, "backbone", model)
    )()
    assert (tower.input.num_frames, tower.input.size) == (6, 64)
    with pytest.raises(UserError, match="do not divide into patches of 8"):
        resized(ours, None, 63)


def test_another_resolution_of_a_masked_encoder(saved):
    ours = read_model(saved(make("masked_classifier").state_dict()))
    larger = build_model(resized(ours, frames=16, size=64))
    assert larger(torch.zeros(1, 3, 16, 64, 64)).shape == (1, 5)
    assert larger.backbone.config.table_grid == build_model(ours).backbone.config.grid
    with pytest.raises(UserError, match="must divide"):
        resized(ours, 15, None)
