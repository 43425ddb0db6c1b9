import pytest
import torch

from internvideo_pl.backbones.clip_layers import KeyValueCache, quick_gelu
from internvideo_pl.backbones.text_tower import TextTower, TextTowerConfig, end_positions
from internvideo_pl.errors import UserError

CONFIG = TextTowerConfig(width=24, depth=2, heads=2, vocab_size=50, context_length=10)
IDS = torch.tensor([[48, 5, 6, 7, 49, 0, 0, 0, 0, 0], [48, 9, 49, 0, 0, 0, 0, 0, 0, 0]])


def tower() -> TextTower:
    torch.manual_seed(0)
    return TextTower(CONFIG).eval()


def test_shapes_and_pooling() -> None:
    features = tower()(IDS)
    assert features.tokens.shape == (2, 10, 24)
    assert torch.equal(end_positions(IDS), torch.tensor([4, 2]))
    assert torch.equal(features.pooled, torch.stack([features.tokens[0, 4], features.tokens[1, 2]]))


def test_words_see_only_earlier_words() -> None:
    changed = IDS.clone()
    changed[0, 3] = 30
    first, second = tower()(IDS).tokens, tower()(changed).tokens
    assert torch.equal(first[0, :3], second[0, :3])
    assert not torch.allclose(first[0, 3:], second[0, 3:])


def test_padding_can_be_cut() -> None:
    short = tower()(IDS[:, :5])
    whole = tower()(IDS)
    torch.testing.assert_close(short.pooled, whole.pooled)
    torch.testing.assert_close(short.tokens, whole.tokens[:, :5])


def test_masked_words_are_hidden() -> None:
    masked = torch.zeros_like(IDS, dtype=torch.bool)
    masked[0, 2] = True
    changed = IDS.clone()
    changed[0, 2] = 33
    assert torch.equal(tower()(IDS, masked).tokens, tower()(changed, masked).tokens)
    assert not torch.allclose(tower()(IDS, masked).pooled[0], tower()(IDS).pooled[0])


def test_word_by_word_equals_all_at_once() -> None:
    model, cache = tower(), KeyValueCache()
    steps = []
    for part in (IDS[:, :3], *IDS[:, 3:].split(1, dim=1)):
        steps.append(model.step(part, cache))
        cache.length += part.shape[1]
    torch.testing.assert_close(torch.cat(steps, dim=1), model(IDS).tokens)


def test_cache_follows_reordered_rows() -> None:
    model, cache = tower(), KeyValueCache()
    model.step(IDS[:, :3], cache)
    cache.length = 3
    cache.reorder(torch.tensor([1, 1, 0]))
    rows = torch.tensor([1, 1, 0])
    newest = model.step(IDS[rows, 3:4], cache)
    torch.testing.assert_close(newest, model(IDS[rows, :4]).tokens[:, 3:])


def test_every_parameter_gets_a_gradient() -> None:
    model = tower().train()
    masked = torch.zeros_like(IDS, dtype=torch.bool)
    masked[:, 1] = True
    model(IDS, masked).tokens.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_too_long_a_text_is_refused() -> None:
    with pytest.raises(UserError, match="Text of 11 tokens does not fit a context of 10"):
        tower()(torch.ones(1, 11, dtype=torch.int64))


def test_quick_gelu_is_not_gelu() -> None:
    x = torch.linspace(-4, 4, 33)
    torch.testing.assert_close(quick_gelu(x), x / (1 + torch.exp(-1.702 * x)))
    assert (quick_gelu(x) - torch.nn.functional.gelu(x)).abs().max() > 0.01


def test_start_values_shrink_with_depth() -> None:
    torch.manual_seed(0)
    model = TextTower(TextTowerConfig(width=128, depth=8, heads=2, vocab_size=50, context_length=10))
    block = model.blocks[0]
    assert block.attn.in_proj_weight.std().item() == pytest.approx(128**-0.5, rel=0.05)
    assert block.mlp.c_fc.weight.std().item() == pytest.approx(256**-0.5, rel=0.05)
    assert block.mlp.c_proj.weight.std().item() == pytest.approx(128**-0.5 * 16**-0.5, rel=0.05)
