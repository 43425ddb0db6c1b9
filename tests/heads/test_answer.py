import pytest
import torch

from internvideo_pl.backbones.multimodal import MultimodalEncoder
from internvideo_pl.backbones.multimodal_sizes import MULTIMODAL
from internvideo_pl.errors import UserError
from internvideo_pl.heads.answer import AnswerHead, AnswerHeadConfig, QuestionAnswerer


def answerer() -> QuestionAnswerer:
    torch.manual_seed(0)
    return QuestionAnswerer(MultimodalEncoder(MULTIMODAL["tiny"]), 10, AnswerHeadConfig()).eval()


def questions(end_at: int) -> torch.Tensor:
    ids = torch.zeros(2, 32, dtype=torch.int64)
    ids[:, 0] = 1022
    ids[:, 1:end_at] = torch.randint(1, 1000, (2, end_at - 1))
    ids[:, end_at] = 1023
    return ids


@pytest.mark.parametrize("end_at", [3, 31])
def test_features_are_decoder_clip_and_question(end_at: int) -> None:
    """Also for a question that fills the whole context, where the public release runs out of range."""
    model, video, ids = answerer(), torch.randn(2, 3, 4, 48, 48), questions(end_at)
    features = model.features(video, ids)
    assert features.shape == (2, 96 + 96 + 96)
    clip, question = model.encoder.visual(video), model.encoder.text(ids[:, : end_at + 1])
    decoded = model.encoder.caption_decoder.features(clip.tokens, question.tokens)[:, -1]
    want = torch.cat([decoded, model.encoder.visual_ln_post(clip.pooled), question.tokens[:, -1]], dim=1)
    torch.testing.assert_close(features, want, rtol=1e-4, atol=1e-4)
    assert model(video, ids).shape == (2, 10)


def test_head_width_of_the_large_model() -> None:
    with torch.device("meta"):
        model = QuestionAnswerer(MultimodalEncoder(MULTIMODAL["large"]), 1501, AnswerHeadConfig())
    assert model.head.layers[1].in_features == 2560
    assert model.head.layers[1].out_features == 5120
    assert model.head.layers[5].out_features == 1501


def test_dropout_is_active_in_training_only() -> None:
    head = AnswerHead(8, 3, AnswerHeadConfig())
    x = torch.randn(4, 8)
    assert not torch.equal(head.train()(x), head(x))
    assert torch.equal(head.eval()(x), head(x))


def test_decoder_is_needed() -> None:
    config = MULTIMODAL["tiny"].__class__(**{**vars(MULTIMODAL["tiny"]), "caption": None})
    with pytest.raises(UserError, match="caption decoder"):
        QuestionAnswerer(MultimodalEncoder(config), 10, AnswerHeadConfig())
