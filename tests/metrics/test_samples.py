import os
import socket

import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing

from internvideo_pl.metrics.recognition import Recognition
from internvideo_pl.metrics.retrieval import Retrieval
from internvideo_pl.metrics.samples import first_of_each


def test_first_of_each():
    assert first_of_each(torch.tensor([4, 2, 4, 9, 2])).tolist() == [1, 0, 3]
    assert first_of_each(torch.tensor([[1, 0], [1, 1], [1, 0], [0, 5]])).tolist() == [3, 0, 1]
    assert first_of_each(torch.empty(0, dtype=torch.int64)).tolist() == []


def scores_of(shares):
    """The metrics' answers for the shares of sample numbers that this process sees."""
    logits = torch.randn(9, 7, generator=torch.Generator().manual_seed(0))
    video = torch.randn(9, 5, generator=torch.Generator().manual_seed(1))
    text = video + torch.randn(9, 5, generator=torch.Generator().manual_seed(2))
    label = torch.arange(9) % 7
    recognition, retrieval = Recognition(num_classes=7, official=10), Retrieval(embed_dim=5, official=10)
    for share in shares:
        index = torch.tensor(share, dtype=torch.int64)
        recognition.update(logits[index], label[index], index)
        retrieval.update(index, video=video[index], text=text[index])
    return {**recognition.compute(), **retrieval.compute()}, recognition.missing, retrieval.missing


def one_process(rank, port, rounds, folder):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    torch.save([scores_of(shares[rank]) for shares in rounds], os.path.join(folder, f"{rank}.pt"))
    dist.destroy_process_group()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_two_processes_with_padding_or_an_empty_one_equal_a_single_process(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    padded = ([[0, 3], [6]], [[1, 4, 7, 2, 5, 8], [0]])  # both see sample 0
    empty = ([], [[8, 2, 4], [0, 1, 3, 5, 6, 7]])  # the first sees nothing
    multiprocessing.spawn(one_process, args=(port, (padded, empty), str(tmp_path)), nprocs=2)
    alone = scores_of([list(range(9))])
    assert alone[1] == alone[2] == [9]
    for rank in range(2):
        for result, missing, unranked in torch.load(tmp_path / f"{rank}.pt"):
            assert result == pytest.approx(alone[0])
            assert missing == unranked == [9]
