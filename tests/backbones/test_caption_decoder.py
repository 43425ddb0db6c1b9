import math

import pytest
import torch
from torch import Tensor

from internvideo_pl.backbones.caption_decoder import CaptionDecoder, CaptionDecoderConfig
from internvideo_pl.backbones.caption_layers import CausalSelfLayer, CrossLayer, RotaryPositions, attend_shared

CONFIG = CaptionDecoderConfig(width=24, depth=2, heads=3, vision_width=16, vocab_size=40, queries=5)


def decoder() -> CaptionDecoder:
    torch.manual_seed(0)
    model = CaptionDecoder(CONFIG)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.4)
    return model.eval()


def inputs() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, 7, 16), torch.randn(2, 6, 24)


def test_shared_keys_equal_the_loop_over_heads() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 3, 4, 8), torch.randn(2, 4, 8), torch.randn(2, 4, 8)
    want = torch.zeros(2, 4, 24)
    for b in range(2):
        for head in range(3):
            for i in range(4):
                weight = torch.tensor([float(q[b, head, i] @ k[b, j]) / math.sqrt(8) for j in range(i + 1)]).softmax(0)
                want[b, i, 8 * head : 8 * head + 8] = sum(w * v[b, j] for j, w in enumerate(weight))
    torch.testing.assert_close(attend_shared(q, k, v, causal=True), want)


def test_rotary_scores_depend_on_distance_only() -> None:
    rotary = RotaryPositions(8)
    q, k = torch.randn(1, 8), torch.randn(1, 8)
    near = rotary(q, start=5) @ rotary(k, start=3).T
    torch.testing.assert_close(near, rotary(q, start=12) @ rotary(k, start=10).T)
    assert not torch.allclose(near, rotary(q, start=5) @ rotary(k, start=4).T)
    torch.testing.assert_close(rotary(q, start=0), q)


def test_rotary_turns_pairs_of_halves() -> None:
    x = torch.tensor([[1.0, 0.0, 0.0, 0.0]])  # first of the first half: turned towards first of the second half
    turned = RotaryPositions(4)(x, start=2)
    torch.testing.assert_close(turned, torch.tensor([[math.cos(2), 0.0, math.sin(2), 0.0]]))


def test_words_see_only_earlier_words() -> None:
    model = decoder()
    visual, text = inputs()
    changed = text.clone()
    changed[:, 3] += 1
    first, second = model(visual, text), model(visual, changed)
    torch.testing.assert_close(first[:, :3], second[:, :3])
    assert not torch.allclose(first[:, 3:], second[:, 3:])


def test_order_of_visual_tokens_does_not_matter_but_their_content_does() -> None:
    model = decoder()
    visual, text = inputs()
    torch.testing.assert_close(model(visual, text), model(visual.flip(1), text), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(model(visual, text), model(visual + 1e-1 * torch.randn_like(visual), text))


def test_word_by_word_equals_all_at_once() -> None:
    model = decoder()
    visual, text = inputs()
    state = model.start(visual)
    for end in (2, 3, 4, 5, 6):
        newest = text[:, state.cache.length : end]
        logits = model.step(newest, state)
        state.cache.length = end
        torch.testing.assert_close(logits, model(visual, text[:, :end])[:, -1], rtol=1e-4, atol=1e-4)


def test_number_of_layers_and_start_values() -> None:
    torch.manual_seed(0)
    model = CaptionDecoder(CaptionDecoderConfig(width=64, depth=6, heads=1, vision_width=64, vocab_size=500))
    assert len(model.multimodal_layers) == 6
    assert model.visual_queries.shape == (256, 64)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)
            assert module.bias is None or not module.bias.any()
    assert model.visual_queries.std().item() == pytest.approx(64**-0.5, rel=0.05)


def test_every_parameter_gets_a_gradient() -> None:
    model = decoder().train()
    model(*inputs()).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_layers_add_feed_forward_and_attention() -> None:
    """Each branch alone: with the other's output matrix at zero, their sum gives the layer's output."""
    torch.manual_seed(0)
    x, context = torch.randn(2, 4, 24), torch.randn(2, 5, 16)
    cross = CrossLayer(24, 3, 16, norm_context=True, feed_forward=True)
    layer = CausalSelfLayer(24, 3)
    whole = layer(x), cross(x, cross.keys_values(context))
    with torch.no_grad():
        layer.attn_out.weight.zero_()
        cross.to_out.weight.zero_()
    forward_only = layer(x), cross(x, cross.keys_values(context))
    y = layer.norm(x)
    torch.testing.assert_close(forward_only[0], layer.ff_out(layer.fused_attn_ff_proj(y)[..., 24 + 8 + 8 :]))
    torch.testing.assert_close(forward_only[1], cross.ff(cross.norm(x)))
    assert not torch.allclose(whole[0], forward_only[0])
    assert not torch.allclose(whole[1], forward_only[1])
