"""What models do for a person, beside what their networks compute by hand; and what each kind cannot do."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from internvideo_pl.errors import UserError
from internvideo_pl.heads.caption import CaptionSearchConfig, write_captions
from internvideo_pl.models import MaskedModel, MultimodalModel, Recognizer, VideoModel, load, wrap
from internvideo_pl.models.config import Target
from internvideo_pl.models.sizes import SIZES, sized_network
from internvideo_pl.text.prompts import ACTION_TEMPLATES
from internvideo_pl.text.tokenizer import ClipTokenizer
from tests.data.clips import write_video

CLASSES = ["run", "jump", "swim"]
TINY = {
    "masked_tiny": None,
    "video_tower_tiny": None,
    "multimodal_tiny": None,
    "coordinated_tiny": CLASSES,
    "coordinated_tiny_t": CLASSES,
}


def model(name, classes=None):
    torch.manual_seed(0)
    built = load(name, fresh=True, classes=classes)
    for parameter in built.network.parameters():  # nothing stays at zero, so that every part counts
        nn.init.normal_(parameter, std=0.2) if parameter.ndim > 1 else parameter.data.add_(0.05)
    return built


@pytest.fixture
def frames():
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (3, 12, 60, 80, 3), dtype=torch.uint8, generator=generator)


def clips(built, frames):
    """The network's input by hand."""
    read = torch.stack([built.config.reading.clip(video) for video in frames])
    spec = built.network.encoder.input if isinstance(built, MaskedModel) else built.network.input
    return spec.prepare(read)


def test_vectors_are_those_of_the_network(frames):
    masked = model("masked_tiny")
    by_hand = masked.network.encoder(clips(masked, frames)).pooled
    torch.testing.assert_close(masked.encode_video(frames), by_hand)
    multimodal = model("multimodal_tiny")
    torch.testing.assert_close(
        multimodal.encode_video(frames), multimodal.network.encode_video(clips(multimodal, frames))
    )
    recognizer = model("masked_tiny", CLASSES)
    by_hand = recognizer.network.backbone(clips(recognizer, frames)).pooled
    torch.testing.assert_close(recognizer.encode_video(frames), by_hand)
    joined = model("coordinated_tiny_t", CLASSES)
    inputs = clips(joined, frames)
    features = joined.network.coordinated.backbone(inputs[:2])
    second = joined.network.second(inputs[2]).pooled
    by_hand = torch.cat([features.class_token, features.pooled, second], dim=1)
    torch.testing.assert_close(joined.encode_video(frames), by_hand)


@pytest.mark.parametrize(("name", "classes"), TINY.items())
def test_every_kind_reads_files_frames_and_lists_alike(name, classes, frames, tmp_path):
    write_video(tmp_path / "clip.mp4", frames=20)
    built = model(name, classes)
    assert not built.training
    together = built.encode_video([tmp_path / "clip.mp4", *frames], batch_size=3)
    assert together.shape[0] == 4
    assert together.dtype == torch.float32
    torch.testing.assert_close(built.encode_video(tmp_path / "clip.mp4"), together[:1], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(built.encode_video(frames), together[1:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "classes"), TINY.items())
def test_half_precision_is_close(name, classes, frames):
    built = model(name, classes)
    full = built.encode_video(frames)
    half = built.to(torch.bfloat16).encode_video(frames)
    assert half.dtype == torch.float32
    assert F.cosine_similarity(full, half).min() > 0.99


def test_a_probe_can_be_trained_on_the_vectors(frames):
    features = model("masked_tiny").encode_video(frames)
    probe = nn.Linear(features.shape[1], 2)
    probe(features).sum().backward()
    assert probe.weight.grad is not None


def test_sentences_and_similarity(frames):
    built = model("multimodal_tiny")
    texts = ["a red disc moves left", "a dog"]
    ids = ClipTokenizer(1024, 32)(texts)
    torch.testing.assert_close(built.encode_text(texts), built.network.encode_text(ids))
    torch.testing.assert_close(built.encode_text("a dog"), built.encode_text(texts)[1:])
    torch.testing.assert_close(built.encode_text(texts, batch_size=1), built.encode_text(texts))
    by_hand = built.network(clips(built, frames), ids)
    torch.testing.assert_close(built.similarity(frames, texts), by_hand, rtol=1e-4, atol=1e-4)


def test_a_sentence_that_is_too_long_loses_its_last_words_and_keeps_its_end():
    built = model("multimodal_tiny")
    longest = " ".join(["a"] * 30)  # start, thirty words of one token, end: the context of 32
    assert torch.equal(built.encode_text(longest + " cat" * 50), built.encode_text(longest))
    assert not torch.equal(built.encode_text(longest), built.encode_text(longest.removesuffix(" a")))


def test_captions_are_those_of_the_search(frames):
    built = model("multimodal_tiny")
    for beams in (1, 3):
        search = CaptionSearchConfig(beams=beams, max_length=12)
        ids = write_captions(built.network, clips(built, frames), search).ids
        found = built.caption(frames, beams=beams, max_length=12)
        assert found == [built.tokenizer.decode(row) for row in ids]
    assert built.caption(frames, batch_size=2, max_length=12) == built.caption(frames, max_length=12)


def test_zero_shot_classes_by_hand(frames):
    built = model("multimodal_tiny")
    video = F.normalize(built.encode_video(frames), dim=-1)
    total = torch.zeros(3, 3)
    for template in ACTION_TEMPLATES:
        words = F.normalize(built.encode_text([template.replace("{}", name) for name in CLASSES]), dim=-1)
        total += (built.network.scale().detach() * video @ words.T).softmax(-1) / len(ACTION_TEMPLATES)
    for row, guesses in zip(total, built.classify(frames, classes=CLASSES, top=9), strict=True):
        order = row.argsort(descending=True).tolist()
        assert [guess.label for guess in guesses] == [CLASSES[k] for k in order]
        assert [guess.probability for guess in guesses] == pytest.approx(row[order].tolist(), abs=1e-5)


@pytest.mark.parametrize("name", ["masked_tiny", "video_tower_tiny", "coordinated_tiny", "coordinated_tiny_t"])
def test_classes_by_hand(name, frames):
    built = model(name, CLASSES)
    assert isinstance(built, Recognizer)
    probabilities = built.network(clips(built, frames)).softmax(-1)
    for row, guesses in zip(probabilities, built.classify(frames, top=2), strict=True):
        values, indices = row.topk(2)
        assert [guess.label for guess in guesses] == [CLASSES[k] for k in indices]
        assert [guess.probability for guess in guesses] == pytest.approx(values.tolist(), abs=1e-5)


def test_classes_without_names_are_numbered(frames):
    network = model("masked_tiny", CLASSES).network
    labels = {guess.label for guess in wrap(network).classify(frames[0], top=3)[0]}
    assert labels == {"class 0", "class 1", "class 2"}


def test_reconstruction_keeps_what_is_seen(frames):
    built = model("masked_tiny")
    original, masked, reconstructed = built.reconstruct(frames, batch_size=2)
    assert original.shape == masked.shape == reconstructed.shape == (3, 8, 48, 48, 3)
    assert original.dtype == torch.uint8
    read = torch.stack([built.config.reading.clip(video) for video in frames])
    assert (original.int() - read.int()).abs().max() <= 1
    grey = masked.eq(128).all(dim=-1)
    assert grey.float().mean() == pytest.approx(32 / 36, abs=0.01)  # int(0.9 * 36) of 36 cells
    assert torch.equal(reconstructed[~grey], original[~grey])
    assert not torch.equal(reconstructed[grey], original[grey])
    again, other = built.reconstruct(frames, batch_size=2), built.reconstruct(frames, seed=1)
    assert torch.equal(again.reconstructed, reconstructed)
    assert not torch.equal(other.masked, masked)
    half = built.reconstruct(frames, mask_ratio=0.5).masked.eq(128).all(dim=-1)
    assert half.float().mean() == pytest.approx(0.5, abs=0.01)


def test_reconstruction_follows_what_the_model_was_trained_on(frames):
    built = model("masked_tiny")
    normal = built.reconstruct(frames)
    raw = wrap(built.network, replace(built.config, target=Target(mask_ratio=0.5, norm_target=False)))
    assert raw.reconstruct(frames).masked.eq(128).all(dim=-1).float().mean() == pytest.approx(0.5, abs=0.01)
    assert not torch.equal(raw.reconstruct(frames, mask_ratio=0.9).reconstructed, normal.reconstructed)


# Ability, how it is asked for, and the kinds that have it.
ABILITIES = {
    "encode_text": (lambda m, v: m.encode_text("a"), {"multimodal_tiny"}),
    "similarity": (lambda m, v: m.similarity(v, "a"), {"multimodal_tiny"}),
    "caption": (lambda m, v: m.caption(v, max_length=3), {"multimodal_tiny"}),
    "reconstruct": (lambda m, v: m.reconstruct(v), {"masked_tiny"}),
    "classify": (
        lambda m, v: m.classify(v, **({"classes": ["a"]} if isinstance(m, MultimodalModel) else {})),
        {"multimodal_tiny", "coordinated_tiny", "coordinated_tiny_t"},
    ),
    "answer": (lambda m, v: m.answer(v, "what?"), set()),
}


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("ability", ABILITIES)
def test_what_a_model_cannot_do_is_a_sentence_that_names_those_who_can(name, ability, frames):
    built = load(name, fresh=True, classes=TINY[name])
    ask, able = ABILITIES[ability]
    if name in able:
        ask(built, frames)
        return
    with pytest.raises(UserError, match=f"a {built.config.kind} model cannot {ability}: .* can"):
        ask(built, frames)


def test_a_multimodal_model_without_decoder_writes_no_captions(frames):
    config = replace(SIZES["multimodal_tiny"], caption=None)
    built = wrap(type(sized_network("multimodal_tiny"))(config))
    with pytest.raises(UserError, match=r"a multimodal model cannot caption: .*caption decoder can"):
        built.caption(frames)


def test_values_that_are_not_finite_are_never_handed_out(frames):
    built = model("masked_tiny")
    built.network.encoder.blocks[0].mlp.fc1.weight.data[0, 0] = torch.nan
    with pytest.raises(UserError, match=r"not finite in torch.float32: its weights are damaged"):
        built.encode_video(frames)


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda m, v: m.encode_text([]), "at least one"),
        (lambda m, v: m.encode_text([1]), "takes sentences"),
        (lambda m, v: m.caption(v, beams=0), "beams=0"),
        (lambda m, v: m.caption(v, max_length=99), "max_length=99"),
        (lambda m, v: m.classify(v, classes=[]), "needs the names of the classes"),
        (lambda m, v: m.classify(v, classes=["a"], top=0), "top=0"),
    ],
)
def test_mistakes_in_words(ask, sentence, frames):
    with pytest.raises(UserError, match=sentence):
        ask(model("multimodal_tiny"), frames)


def test_the_kinds_of_a_person_s_models():
    assert type(load("masked_tiny", fresh=True)) is MaskedModel
    assert type(load("video_tower_tiny", fresh=True)) is VideoModel
    assert type(load("video_tower_tiny", fresh=True, classes=CLASSES)) is Recognizer
