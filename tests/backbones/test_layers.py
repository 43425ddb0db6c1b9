"""Self-attention, stochastic depth and blocks against slow hand-written versions."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from internvideo_pl.backbones.layers import Attention, Block, DropPath, drop_path_rates, run_blocks


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


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_last_tokens_alone_are_what_they_are_among_all(depth, recompute):
    torch.manual_seed(0)
    blocks = nn.ModuleList(Block(8, 2, layer_scale=0.5) for _ in range(depth)).double()
    for block in blocks:
        nn.init.normal_(block.attn.q_bias)
        nn.init.normal_(block.attn.v_bias)
    results = []
    for last in (None, 3):
        blocks.zero_grad()
        x = torch.randn(2, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
        out = run_blocks(blocks, x, recompute, last)[:, -3:]
        out.square().sum().backward()
        results.append([out, x.grad, *(param.grad for param in blocks.parameters())])
    for among_all, alone in zip(*results, strict=True):
        assert_close(alone, among_all)
