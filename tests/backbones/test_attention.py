"""Attention against a slow hand-written version, each way of computing it."""

import pytest
import torch
from torch.testing import assert_close

from internvideo_pl.backbones import attention
from internvideo_pl.backbones.attention import attend


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
    monkeypatch.setattr(attention, "PLAIN_KEYS_FULL", 100 if plain else 0)
    torch.manual_seed(0)
    query = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    key, value = torch.randn(2, 2, key_heads, 5, 4, dtype=torch.float64)
    assert_close(attend(query, key, value, causal), slow_attention(query, key, value, causal))


def test_both_ways_have_the_same_gradient(monkeypatch):
    torch.manual_seed(0)
    inputs = torch.randn(3, 2, 3, 7, 4, dtype=torch.float64)
    gradients = []
    for limit in (0, 100):
        monkeypatch.setattr(attention, "PLAIN_KEYS_FULL", limit)
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


def chunked(monkeypatch, dtype, chunk_scores):
    monkeypatch.setattr(attention, "HALF", (dtype,))
    monkeypatch.setattr(attention, "PLAIN_SCORES_HALF", 0)
    monkeypatch.setattr(attention, "CHUNK_SCORES", chunk_scores)


@pytest.mark.parametrize("chunk_scores", [1, 2 * 5 * 7, 10**6])  # heads one by one, by twos with one left over, all
@pytest.mark.parametrize("key_heads", [3, 1])
def test_chunks_of_heads(monkeypatch, chunk_scores, key_heads):
    chunked(monkeypatch, torch.float64, chunk_scores)
    torch.manual_seed(0)
    query = torch.randn(3, 5, 3, 4, dtype=torch.float64).transpose(1, 2).requires_grad_()  # (3, 3, 5, 4)
    key, value = torch.randn(2, 3, key_heads, 7, 4, dtype=torch.float64).requires_grad_().unbind(0)
    found = attend(query, key, value)
    assert_close(found, slow_attention(query, key, value))
    weight = torch.randn_like(found)
    expected = torch.autograd.grad((slow_attention(query, key, value) * weight).sum(), (query, key, value))
    assert_close(torch.autograd.grad((found * weight).sum(), (query, key, value)), expected)


def test_chunks_keep_no_scores(monkeypatch):
    chunked(monkeypatch, torch.float32, 1)
    kept = []
    query, key, value = torch.randn(3, 2, 3, 50, 4).requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
        attend(query, key, value)
    assert 0 < max(kept) <= 2 * 3 * 50 * 4


def test_no_graph_break_where_chunks_would_be(monkeypatch):
    chunked(monkeypatch, torch.float32, 1)
    inputs = torch.randn(3, 2, 3, 5, 4).requires_grad_()
    attend(*inputs).square().sum().backward()
    expected, inputs.grad = inputs.grad, None
    compiled = torch.compile(lambda x: attend(*x), fullgraph=True, backend="eager")
    compiled(inputs).square().sum().backward()
    assert_close(inputs.grad, expected)


def test_bfloat16_in_chunks_is_as_close_as_in_one(monkeypatch):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, 100, 16)
    exact = attend(query, key, value)
    errors = []
    for limit in (10**6, 0):
        monkeypatch.setattr(attention, "PLAIN_SCORES_HALF", limit)
        monkeypatch.setattr(attention, "CHUNK_SCORES", 1)
        errors.append((attend(query.bfloat16(), key.bfloat16(), value.bfloat16()).float() - exact).abs().max())
    assert errors[1] <= 1.1 * errors[0] < 0.05
