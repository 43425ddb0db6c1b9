"""The attentive probe against PyTorch's own attention, and learning in a few steps."""

import pytest
import torch
from torch import nn

from internvideo_pl.errors import UserError
from internvideo_pl.heads.attentive import AttentiveHead


def test_it_is_cross_attention_of_one_query_then_a_feed_forward():
    torch.manual_seed(0)
    head, tokens = AttentiveHead(12, 5, heads=3), torch.randn(4, 7, 12)
    reference = nn.MultiheadAttention(12, 3, batch_first=True)
    with torch.no_grad():
        reference.in_proj_weight.copy_(torch.cat([head.to_q.weight, head.to_kv.weight]))
        reference.in_proj_bias.copy_(torch.cat([head.to_q.bias, head.to_kv.bias]))
        reference.out_proj.load_state_dict(head.to_out.state_dict())
        keys, query = head.norm(tokens), head.query.expand(4, -1, -1)
        pooled = query + reference(query, keys, keys)[0]
        pooled = pooled + head.ff(head.norm2(pooled))
        torch.testing.assert_close(head(tokens), head.linear(head.norm3(pooled[:, 0])))


def test_order_of_tokens_does_not_matter_and_every_weight_has_a_gradient():
    torch.manual_seed(0)
    head, tokens = AttentiveHead(8, 3, heads=2), torch.randn(2, 6, 8)
    torch.testing.assert_close(head(tokens), head(tokens.flip(1)))
    head(tokens).square().sum().backward()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in head.parameters())


def test_it_finds_the_one_telling_token_in_a_few_steps():
    torch.manual_seed(0)
    head, label = AttentiveHead(8, 2, heads=2), torch.arange(32) % 2
    tokens = 0.1 * torch.randn(32, 5, 8)
    tokens[torch.arange(32), torch.arange(32) % 5, label] += 2.0
    optimizer = torch.optim.AdamW(head.parameters(), lr=2e-2)
    losses = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(head(tokens), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_heads_must_divide_the_width():
    with pytest.raises(UserError, match=r"heads=5 must divide the backbone's width 8"):
        AttentiveHead(8, 2, heads=5)
