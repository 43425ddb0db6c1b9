"""The blocked contrastive loss against the one that builds the whole matrix; several processes are in test_gather."""

import pytest
import torch
from torch import Tensor

from internvideo_pl.losses.blocked import blocked_contrastive_loss
from internvideo_pl.losses.contrastive import contrastive_loss


def value_and_gradients(loss, video: Tensor, text: Tensor) -> list[Tensor]:  # type: ignore[no-untyped-def]
    leaves = [
        video.clone().requires_grad_(),
        text.clone().requires_grad_(),
        torch.tensor(9.0).to(video).requires_grad_(),
    ]
    value = loss(*leaves)
    (3 * value).backward()
    return [value.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_and_gradients_equal_the_whole_matrix(block: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    video, text = (torch.randn(7, 5, generator=generator, dtype=dtype) for _ in range(2))
    got = value_and_gradients(lambda *x: blocked_contrastive_loss(*x, block), video, text)
    want = value_and_gradients(contrastive_loss, video, text)
    assert len(got) == 4
    tolerance = 1e-5 if dtype is torch.float32 else 1e-12
    torch.testing.assert_close(got, want, rtol=tolerance, atol=tolerance)


def test_gradient_by_finite_differences() -> None:
    video, text = (torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    scale = torch.tensor(4.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *x: blocked_contrastive_loss(*x, 3), (video, text, scale))


def test_half_precision_sums_in_float32() -> None:
    video, text = torch.randn(64, 16).bfloat16(), torch.randn(64, 16).bfloat16()
    loss = blocked_contrastive_loss(video, text, torch.tensor(20.0), 16)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(
        loss, contrastive_loss(video.float(), text.float(), torch.tensor(20.0)), rtol=0.02, atol=0.02
    )


def largest_tensor(loss, n: int) -> int:  # type: ignore[no-untyped-def]
    """Elements of the largest tensor that forward or backward makes."""
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            made = func(*args, **(kwargs or {}))
            largest = max(
                [largest, *(x.numel() for x in torch.utils._pytree.tree_leaves(made) if isinstance(x, Tensor))]
            )
            return made

    video, text = (torch.randn(n, 4, requires_grad=True) for _ in range(2))
    with Watch():
        loss(video, text, torch.tensor(5.0)).backward()
    return largest


def test_never_builds_the_whole_matrix() -> None:
    n, block = 256, 8
    assert largest_tensor(contrastive_loss, n) >= n * n
    assert largest_tensor(lambda *x: blocked_contrastive_loss(*x, block), n) <= block * n
