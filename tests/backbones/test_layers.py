"""Attention, stochastic depth and blocks against slow hand-written versions."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from internvideo_pl.backbones import layers
from internvideo_pl.backbones.layers import Attention, Block, DropPath, attend, drop_path_rates, run_blocks


def slow_attention(query, key, value, causal=False):
    out = torch.empty_like(query)
    for b, h, n in torch.cartesian_prod(*(torch.arange(size) for size in query.shape[:3])).tolist():
        last = n + 1 if causal else key.shape[2]
        head = min(h, key.shape[1] - 1)
        scores = torch.stack([query[b, h, n] @ key[b, head, m] for m in range(last)]) / query.shape[3] ** 0.5
        weights = scores.exp() / scores.exp().sum()
        out[b, h, n] = sum(weights[m] * value[b, head, m] for m in range(last))
    return out


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(("causal", "key_heads"), [(False, 3), (True, 3), (False, 1)])
def test_attend_both_ways(monkeypatch, plain, causal, key_heads):
    monkeypatch.setattr(layers, "PLAIN_KEYS_FULL", 100 if plain else 0)
    torch.manual_seed(0)
    query = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    key, value = torch.randn(2, 2, key_heads, 5, 4, dtype=torch.float64)
    assert_close(attend(query, key, value, causal), slow_attention(query, key, value, causal))


def test_both_ways_have_the_same_gradient(monkeypatch):
    torch.manual_seed(0)
    inputs = torch.randn(3, 2, 3, 7, 4, dtype=torch.float64)
    gradients = []
    for limit in (0, 100):
        monkeypatch.setattr(layers, "PLAIN_KEYS_FULL", limit)
        leaves = inputs.clone().requires_grad_()
        (attend(*leaves) ** 2).sum().backward()
        gradients.append(leaves.grad)
    assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("requires_grad", [True, False])
def test_attend_in_bfloat16(requires_grad):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, 40, 8).bfloat16().requires_grad_(requires_grad)
    found = attend(query, key, value)
    assert found.dtype == torch.bfloat16
    assert_close(found.float(), attend(query.float(), key.float(), value.float()), rtol=0.02, atol=0.02)


def test_attention_is_the_standard_one_with_biases_on_queries_and_values():
    torch.manual_seed(0)
    attention = Attention(12, 3).double()
    nn.init.normal_(attention.q_bias)
    nn.init.normal_(attention.v_bias)
    nn.init.normal_(attention.proj.bias)
    x = torch.randn(2, 5, 12, dtype=torch.float64)
    bias = torch.cat([attention.q_bias, torch.zeros(12), attention.v_bias]).double()
    reference, _ = F.multi_head_attention_forward(
        *(x.transpose(0, 1),) * 3, 12, 3, attention.qkv.weight, bias, None, None, False, 0.0,
        attention.proj.weight, attention.proj.bias, need_weights=False,
    )  # fmt: skip
    assert_close(attention(x), reference.transpose(0, 1))


def test_drop_path_drops_whole_samples_and_keeps_the_mean():
    torch.manual_seed(0)
    drop = DropPath(0.25)
    branch = torch.ones(4000, 3)
    dropped = drop(branch)
    assert dropped.unique().tolist() == [0.0, pytest.approx(1 / 0.75)]
    assert (dropped == dropped[:, :1]).all()
    assert dropped.mean().item() == pytest.approx(1, abs=0.05)
    assert drop.eval()(branch) is branch
    assert drop_path_rates(0.3, 4) == pytest.approx([0, 0.1, 0.2, 0.3])
    assert drop_path_rates(0.3, 1) == [0]


def test_layer_scale_exists_only_when_asked_for():
    assert not [name for name, _ in Block(8, 2).named_parameters() if "gamma" in name]
    block = Block(8, 2, layer_scale=0.1)
    assert block.gamma_1.tolist() == block.gamma_2.tolist() == pytest.approx([0.1] * 8)
    nn.init.zeros_(block.gamma_1)
    nn.init.zeros_(block.gamma_2)
    x = torch.randn(2, 3, 8)
    assert torch.equal(block(x), x)


def test_block_by_hand():
    torch.manual_seed(0)
    block = Block(8, 2, layer_scale=0.5).double()
    x = torch.randn(1, 4, 8, dtype=torch.float64)

    def norm(y):
        return (y - y.mean(-1, keepdim=True)) / (y.var(-1, unbiased=False, keepdim=True) + 1e-6).sqrt()

    def gelu(y):
        return y * 0.5 * (1 + torch.erf(y / 2**0.5))

    x1 = x + 0.5 * block.attn(norm(x))
    hidden = gelu(norm(x1) @ block.mlp.fc1.weight.T + block.mlp.fc1.bias)
    expected = x1 + 0.5 * (hidden @ block.mlp.fc2.weight.T + block.mlp.fc2.bias)
    assert_close(block(x), expected)


def test_recomputing_changes_nothing_with_stochastic_depth():
    blocks = nn.ModuleList(Block(8, 2, drop_path=0.5) for _ in range(3))
    results = []
    for recompute in (False, True):
        blocks.zero_grad()
        torch.manual_seed(3)
        x = torch.arange(24.0).view(1, 3, 8).requires_grad_()
        out = run_blocks(blocks, x, recompute)
        out.sum().backward()
        results.append([out, x.grad, *(param.grad for param in blocks.parameters())])
    for plain, recomputed in zip(*results, strict=True):
        assert torch.equal(plain, recomputed) if plain is not None else recomputed is None
