"""Losses over several processes against one process with the whole batch."""

import socket
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, multiprocessing, nn

from internvideo_pl.losses.blocked import blocked_contrastive_loss
from internvideo_pl.losses.caption import caption_labels, caption_loss
from internvideo_pl.losses.contrastive import contrastive_loss
from internvideo_pl.losses.gather import gather_with_gradient, total

VOCABULARY = 12


def test_one_process_gathers_itself() -> None:
    x = torch.randn(3, 2)
    assert gather_with_gradient(x) is x
    assert torch.equal(total(x), x)


def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Seven pairs of features and their sentences, of very different length."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.zeros(7, 9, dtype=torch.int64)
    for i in range(7):
        ids[i, 1 : i + 1] = torch.randint(1, VOCABULARY - 1, (i,), generator=generator)
        ids[i, i + 1] = VOCABULARY - 1
    return torch.randn(7, 5, generator=generator), torch.randn(7, 5, generator=generator), ids


def matching(video: Tensor, text: Tensor, scale: Tensor, block: int | None) -> Tensor:
    if block is not None:
        return blocked_contrastive_loss(video, text, scale, block)
    return contrastive_loss(gather_with_gradient(video), gather_with_gradient(text), scale)


def losses_and_gradients(
    video: Tensor, text: Tensor, ids: Tensor, block: int | None = None
) -> tuple[list[Tensor], list[Tensor]]:
    torch.manual_seed(0)
    video_tower, text_tower, words = nn.Linear(5, 4), nn.Linear(5, 4), nn.Linear(5, 8 * VOCABULARY)
    scale = nn.Parameter(torch.tensor(2.0))
    contrastive = matching(video_tower(video), text_tower(text), scale.exp(), block)
    caption = caption_loss(words(text).unflatten(1, (8, VOCABULARY)), caption_labels(ids))
    (contrastive + caption).backward()
    parameters = [scale, *video_tower.parameters(), *text_tower.parameters(), *words.parameters()]
    return [contrastive.detach(), caption.detach()], [p.grad for p in parameters if p.grad is not None]


def part(rank: int, port: int, sizes: list[int], block: int | None, results: str) -> None:
    """One process's share of the batch; losses and gradients averaged over processes, as DDP does."""
    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=len(sizes))
    losses, gradients = losses_and_gradients(*(x.split(sizes)[rank] for x in batch()), block)
    for tensor in (*losses, *gradients):
        distributed.all_reduce(tensor)
        tensor /= len(sizes)
    if rank == len(sizes) - 1:
        torch.save((losses, gradients), results)
    distributed.destroy_process_group()


@pytest.mark.parametrize(("sizes", "block"), [([4, 3], None), ([3, 3, 1], 2)])
def test_several_processes_equal_one(sizes: list[int], block: int | None, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    results = tmp_path / "last.pt"
    multiprocessing.spawn(part, args=(port, sizes, block, str(results)), nprocs=len(sizes))
    losses, gradients = torch.load(results)
    want_losses, want_gradients = losses_and_gradients(*batch())
    assert len(gradients) == len(want_gradients) == 7
    for got, want in zip((*losses, *gradients), (*want_losses, *want_gradients), strict=True):
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)
