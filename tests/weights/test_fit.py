"""What one network takes over from the weights of another, and that nothing is taken or left in silence."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from internvideo_pl.backbones.choices import MaskedChoice, MultimodalChoice, TowerChoice
from internvideo_pl.backbones.masked_vit import MaskedEncoder
from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.backbones.multimodal_sizes import MULTIMODAL, VIDEO_TOWER
from internvideo_pl.backbones.released_clip import resize_positions
from internvideo_pl.backbones.sizes import MASKED_VIT
from internvideo_pl.backbones.video_tower import VideoTower
from internvideo_pl.errors import UserError
from internvideo_pl.heads.classify import Classifier, ClassifyHeadConfig
from internvideo_pl.weights.audit import FRESH, LEFT_OUT, MATCHED, RESHAPED, Audit
from internvideo_pl.weights.load import Recognized, fill, read_model
from internvideo_pl.weights.recognize import LAYOUTS
from tests.weights.conftest import NORMED, equal, make, masked_classifier, random, tower_classifier


def rows(audit: Audit) -> dict[tuple[str, str], int]:
    return {(row.status, row.why): row.tensors for row in audit.rows()}


def read(saved, model: nn.Module) -> Recognized:
    return read_model(saved(model.state_dict()))


def copy(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


# ---- the masked encoder: VideoMAE's rule


def test_fine_tuning_takes_all_of_pretraining_but_its_last_norm_and_decoder(saved):
    pretrained, model = make("masked_autoencoder"), masked_classifier()
    before = copy(model)
    audit = fill(model, read(saved, pretrained), head=False)
    after = model.state_dict()
    for name, value in after.items():
        inner = name.removeprefix("backbone.")
        if inner.startswith(("patch_embed", "blocks")):
            assert torch.equal(value, pretrained.encoder.state_dict()[inner])
        else:
            assert torch.equal(value, before[name])
    decoder = [name for name in pretrained.state_dict() if not name.startswith("encoder.")]
    assert rows(audit) == {
        (MATCHED, ""): len(after) - 4,
        (FRESH, "normalises pooled tokens, which pretraining does not do"): 2,
        (FRESH, "a classifier of its own"): 2,
        (LEFT_OUT, "the decoder of pretraining"): len(decoder),
        (LEFT_OUT, "pretraining's last LayerNorm, in whose place fc_norm comes"): 2,
    }
    assert audit.share == 1


def test_fine_tuned_weights_are_taken_whole_with_their_classifier(saved):
    tuned, model, bare = make("masked_classifier"), masked_classifier(), MaskedChoice(size="tiny").build()
    assert rows(fill(model, read(saved, tuned), head=False)) == {(MATCHED, ""): len(tuned.state_dict())}
    assert equal(model.state_dict(), tuned.state_dict())
    audit = fill(bare, read(saved, tuned))
    assert equal(bare.state_dict(), tuned.backbone.state_dict())
    assert rows(audit)[LEFT_OUT, "the classifier"] == 2


def test_pretraining_goes_on_from_pretraining(saved):
    model = MaskedChoice(size="tiny").build_autoencoder()
    fill(model, read(saved, make("masked_autoencoder")))
    assert equal(model.state_dict(), make("masked_autoencoder").state_dict())
    with pytest.raises(UserError, match=r"tensors are missing \(mask_token first"):
        fill(model, read(saved, make("masked_classifier")))


def test_another_resolution_and_more_frames_need_no_other_tensors(saved):
    config = MASKED_VIT["tiny"]
    larger = MaskedEncoder(replace(config, image_size=64, num_frames=16))
    assert fill(larger, read(saved, make("masked_classifier"))).share == 1
    assert larger(torch.zeros(1, 3, 16, 64, 64)).grid == (4, 8, 8)
    assert not torch.equal(larger.positions[:, :72], MaskedEncoder(config).positions)


# ---- classifiers


@pytest.mark.parametrize("build", [masked_classifier, tower_classifier])
def test_kinetics_400_takes_the_first_rows_of_710(saved, build):
    tuned, model = random(build(710)), build(400)
    audit = fill(model, read(saved, tuned), head=False)
    assert torch.equal(model.head.weight, tuned.head.weight[:400])
    assert torch.equal(model.head.bias, tuned.head.bias[:400])
    assert rows(audit)[RESHAPED, "400 of 710 classes"] == 2


def test_600_of_710_needs_a_list_of_rows(saved):
    tuned, model = random(masked_classifier(710)), masked_classifier(600)
    fresh = model.head.weight.clone()
    audit = fill(model, read(saved, tuned), head=False)
    assert torch.equal(model.head.weight, fresh)
    assert rows(audit)[LEFT_OUT, "another classifier than this one"] == 2
    chosen = list(range(709, 109, -1))
    audit = fill(model, read(saved, tuned), head=False, classes=chosen)
    assert torch.equal(model.head.weight, tuned.head.weight[chosen])
    assert rows(audit)[RESHAPED, "600 of 710 classes"] == 2


def test_rows_also_reorder_classes(saved):
    tuned, model = make("masked_classifier"), masked_classifier()
    fill(model, read(saved, tuned), classes=[4, 3, 2, 1, 0])
    assert torch.equal(model.head.bias, tuned.head.bias.flip(0))


def test_a_classifier_that_is_asked_for_must_fit(saved):
    with pytest.raises(UserError, match=r"of another shape \(head\.weight, \(5, 96\) instead of \(6, 96\) first\)"):
        fill(masked_classifier(6), read(saved, make("masked_classifier")))
    with pytest.raises(UserError, match=r"tensors are missing \(head\.weight first"):
        fill(tower_classifier(), read(saved, make("video_tower")))


def test_a_classifier_without_its_norm_stays_fresh(saved):
    plain = Classifier(TowerChoice(size="tiny").build(), 5, ClassifyHeadConfig())
    fresh = copy(plain)["head.weight"]
    audit = fill(plain, read(saved, make("video_tower_classifier")), head=False)
    assert torch.equal(plain.head.weight, fresh)
    assert rows(audit)[LEFT_OUT, "another classifier than this one"] == 4


# ---- the video tower and the multimodal encoder


def test_a_tower_starts_from_a_multimodal_encoder(saved):
    encoder, model = make("multimodal"), tower_classifier()
    audit = fill(model, read(saved, encoder), head=False)
    assert equal(model.backbone.state_dict(), encoder.visual.state_dict())
    assert rows(audit)[FRESH, "a classifier of its own"] == 4
    assert rows(audit)[LEFT_OUT, "not part of the video tower"] > 20


@pytest.mark.parametrize("kind", ["coordinated", "internvideo_t", "question_answerer"])
def test_encoders_are_taken_out_of_larger_models(saved, kind):
    whole, tower = make(kind), TowerChoice(size="tiny").build()
    fill(tower, read(saved, whole))
    inner = {
        "coordinated": lambda: whole.backbone.tower,
        "internvideo_t": lambda: whole.second,
        "question_answerer": lambda: whole.encoder.visual,
    }[kind]()
    assert equal(tower.state_dict(), inner.state_dict())
    if kind != "question_answerer":
        masked = MaskedChoice(size="tiny").build()
        fill(masked, read(saved, whole))
        part = whole.backbone if kind == "coordinated" else whole.coordinated.backbone
        assert equal(masked.state_dict(), part.masked.state_dict())
        joined = make("coordinated", seed=1).backbone
        audit = fill(joined, read(saved, whole), head=False)
        assert equal(joined.state_dict(), part.state_dict())
        assert (LEFT_OUT, "not part of the joined encoders") in rows(audit)


def test_captions_may_be_new_or_left_out(saved):
    full, without = MULTIMODAL["tiny"], replace(MULTIMODAL["tiny"], caption=None)
    audit = fill(MultimodalEncoder(without), read(saved, make("multimodal")))
    assert (LEFT_OUT, "this model has no caption decoder") in rows(audit)
    audit = fill(MultimodalEncoder(full), read(saved, random(MultimodalEncoder(without))))
    assert (FRESH, "the file has no caption decoder") in rows(audit)


def test_captions_of_another_depth_are_neither_new_nor_left_out(saved):
    deeper = replace(MULTIMODAL["tiny"], caption=replace(MULTIMODAL["tiny"].caption, depth=2))
    with pytest.raises(UserError, match=r"are missing \(caption_decoder\.multimodal_layers\.1"):
        fill(MultimodalEncoder(deeper), read(saved, make("multimodal")))
    with pytest.raises(UserError, match=r"are unexpected \(caption_decoder\.multimodal_layers\.1"):
        fill(MultimodalEncoder(MULTIMODAL["tiny"]), read(saved, random(MultimodalEncoder(deeper))))


def test_local_mixers_start_silent_but_never_halfway(saved):
    video = torch.randn(2, 3, 4, 48, 48)
    plain = make("video_tower_classifier")
    mixing = Classifier(VideoTower(replace(VIDEO_TOWER["tiny"], local_mixers=2)), 5, NORMED).eval()
    audit = fill(mixing, read(saved, plain))
    assert (FRESH, "local mixers start silent") in rows(audit)
    with torch.no_grad():
        torch.testing.assert_close(mixing(video), plain(video))
    state = {n: x for n, x in random(mixing).state_dict().items() if "resblocks.3.lmhra2.pos_embed.3" not in n}
    with pytest.raises(UserError, match="2 tensors are missing"):
        read_model(saved(state))


# ---- CLIP


@pytest.fixture
def clip(saved) -> Recognized:
    """The CLIP part of a multimodal encoder as OpenAI names it."""
    encoder = make("multimodal")
    return read_model(saved(LAYOUTS["openai_clip"].write(encoder.state_dict()), "clip.pt"))


def test_clip_starts_a_multimodal_encoder(clip):
    model = MultimodalChoice(size="tiny").build()
    before = copy(model)
    audit = fill(model, clip)
    taken = make("multimodal").state_dict()
    new = (".dpe.", ".dec.", "temporal_cls_token", "balance", "text_mask_embedding", "caption_decoder.")
    for name, value in model.state_dict().items():
        is_new = any(part in name for part in new)
        assert torch.equal(value, before[name] if is_new else taken[name])
    assert (FRESH, "global blocks, which start silent; CLIP has none") in rows(audit)
    assert (FRESH, "the file has no caption decoder") in rows(audit)


def test_clip_starts_a_video_tower_and_is_inflated(clip):
    strided = VideoTower(replace(VIDEO_TOWER["tiny"], temporal_downsample=True, local_mixers=2, num_frames=8))
    audit = fill(strided, clip)
    assert torch.equal(strided.conv1.weight[:, :, 1], clip.state["visual.conv1.weight"][:, :, 0])
    assert not strided.conv1.weight[:, :, [0, 2]].any()
    assert rows(audit)[RESHAPED, "1 frame to 3, the middle one"] == 1


def test_positions_of_another_resolution_are_interpolated(clip):
    larger = MultimodalEncoder(replace(MULTIMODAL["tiny"], video=replace(VIDEO_TOWER["tiny"], size=64)))
    audit = fill(larger, clip)
    positions, own = larger.visual.positional_embedding, clip.state["visual.positional_embedding"]
    assert torch.equal(positions, resize_positions(own, 8))
    assert torch.equal(positions[0], own[0])
    assert rows(audit)[RESHAPED, "positions of 36 patches to 64"] == 1


def test_a_clip_that_is_not_whole_is_refused(saved, clip):
    state = LAYOUTS["openai_clip"].write(clip.state)
    without = {name: value for name, value in state.items() if name != "ln_final.bias"}
    with pytest.raises(UserError, match=r"1 tensor is missing \(text\.ln_final\.bias first\)"):
        read_model(saved(without))
    with pytest.raises(UserError, match=r"1 tensor is unexpected \(surprise first\)"):
        read_model(saved(state | {"surprise": torch.zeros(1)}))


# ---- refusals


def test_nothing_changes_when_too_little_fits(saved):
    model = masked_classifier()
    before = copy(model)
    with pytest.raises(
        UserError, match=r"does not fit this Classifier of 0\.\d M parameters: .* are missing .* all must"
    ):
        fill(model, read(saved, make("multimodal")))
    state = make("masked_classifier").state_dict()
    state["backbone.blocks.1.mlp.fc1.weight"] = torch.zeros(3, 3)
    with pytest.raises(
        UserError, match=r"1 tensor is of another shape \(backbone\.blocks\.1\.mlp\.fc1\.weight, \(3, 3\)"
    ):
        fill(model, read_model(saved(state)))
    assert equal(model.state_dict(), before)


def test_a_lower_threshold_lets_some_differ_and_says_what(saved):
    state = make("masked_classifier").state_dict()
    del state["backbone.blocks.1.norm1.bias"]
    state["more"] = torch.zeros(10)
    path = saved(state)
    with pytest.raises(UserError, match=r"1 tensor is missing .*1 tensor is unexpected \(more first\); all must fit"):
        read_model(path)
    with pytest.raises(UserError, match=r"99\.\d\d % fits and 99\.999 % is asked for"):
        read_model(path, threshold=0.99999)
    model = masked_classifier()
    audit = fill(model, read_model(path, threshold=0.99), threshold=0.99)
    assert [entry.name for entry in audit.faults("missing")] == ["backbone.blocks.1.norm1.bias"]
    assert [entry.name for entry in audit.faults("unexpected")] == ["more"]
    assert torch.equal(model.head.weight, state["head.weight"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_values_that_are_not_finite(saved, value, dtype):
    state = {name: x.to(dtype) for name, x in make("masked_classifier").state_dict().items()}
    state["backbone.blocks.3.attn.proj.weight"][5, 7] = value
    with pytest.raises(UserError, match=r"not finite in 1 tensors, backbone\.blocks\.3\.attn\.proj\.weight first"):
        read_model(saved(state))


def test_integers_are_no_weights(saved):
    state = make("masked_classifier").state_dict()
    state["head.weight"] = state["head.weight"].long()
    with pytest.raises(UserError, match=r"head\.weight, torch\.int64 instead of torch\.float32 first"):
        read_model(saved(state))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_the_models(saved, dtype):
    state = {name: x.to(dtype) for name, x in make("masked_classifier").state_dict().items()}
    model = masked_classifier()
    fill(model, read_model(saved(state)))
    assert model.head.weight.dtype == torch.float32
    assert torch.equal(model.head.weight, state["head.weight"].float())


def test_a_model_of_no_known_kind_takes_its_own_names(saved):
    class Special(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone = TowerChoice(size="tiny").build()
            self.proposals = nn.Linear(96, 3)

    one, other = random(Special()), Special()
    audit = fill(other, read(saved, one))
    assert equal(other.state_dict(), one.state_dict())
    assert rows(audit) == {(MATCHED, ""): len(one.state_dict())}
    tower = TowerChoice(size="tiny").build()
    fill(tower, read(saved, one))
    assert equal(tower.state_dict(), one.backbone.state_dict())
