import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist

from internvideo_pl.metrics.answers import Answers
from internvideo_pl.metrics.boxes import FrameDetection, TrueBoxes
from internvideo_pl.metrics.captions import Captions
from internvideo_pl.metrics.choices import Choices, Counts
from internvideo_pl.metrics.recognition import Recognition
from internvideo_pl.metrics.retrieval import Retrieval
from internvideo_pl.metrics.samples import first_of_each
from internvideo_pl.metrics.temporal import TemporalDetection, TrueSegments


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
    told = {**recognition.compute(), **retrieval.compute(), **said(shares), **located(shares)}
    return told, recognition.missing, retrieval.missing


def said(shares):
    """The same of the metrics of answers, choices, counts and captions."""
    logits = torch.randn(9, 7, generator=torch.Generator().manual_seed(3))
    label, words = torch.arange(9) % 7 - 1, ["a", "red", "ring", "goes", "up", "and", "down", "today"]
    references = [[" ".join(words[k % 3 :]), " ".join(words[: 3 + k % 5])] for k in range(9)]
    decode = lambda ids: " ".join(words[int(k)] for k in ids)  # noqa: E731
    answers, choices = Answers(10, ("what", "who"), [0, 1]), Choices(7, 10)
    counts, captions = Counts(), Captions(4, decode, references)
    for share in shares:
        index = torch.tensor(share, dtype=torch.int64)
        answers.update(logits[index], label[index], index % 2, index)
        choices.update(logits[index], label[index], index, torch.zeros_like(index))
        counts.update(4 * logits[index, 0], label[index], index)
        captions.update((index[:, None] + torch.arange(4)) % 8, index)
    metrics = {"answers": answers, "choices": choices, "counts": counts, "captions": captions}
    return {f"{name}/{key}": value for name, metric in metrics.items() for key, value in metric.compute().items()}


def located(shares):
    """The same of the metrics of boxes on key frames and of stretches of videos; the seventh has no detection."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 0.5, (10, 3, 2))
    boxes, start = np.concatenate([corner, corner + 0.4], axis=2), rng.uniform(0, 9, (10, 3))
    stretches = np.stack([start, start + 2], axis=2)
    label, owner = rng.integers(1, 4, (10, 3)), np.repeat(np.arange(10), 3)
    frames = FrameDetection(TrueBoxes(owner, boxes.reshape(-1, 4), label.ravel(), 10, (1, 2, 3)))
    videos = TemporalDetection(TrueSegments(owner, stretches.reshape(-1, 2), label.ravel(), 10))
    count = np.where(np.arange(10) == 6, 0, 3)
    near = boxes + rng.normal(0, 0.03, boxes.shape), stretches + rng.normal(0, 0.3, stretches.shape)
    score = torch.from_numpy(rng.integers(0, 4, (10, 3)) / 4)  # with ties
    for share in shares:
        mine = np.array(share, dtype=np.int64)
        chosen = np.repeat(mine, 3)[np.repeat(count[mine] > 0, 3)]
        place = np.tile(np.arange(3), len(chosen) // 3)
        box, action = torch.from_numpy(near[0][chosen, place]), torch.from_numpy(label[chosen, place])
        frames.update(mine, count[mine], box, score[chosen, place], action)
        for number in share:
            some = slice(count[number])
            found = torch.from_numpy(near[1][number, some]), score[number, some], torch.from_numpy(label[number, some])
            videos.update(number, *found)
    return {
        f"{name}/{key}": value
        for name, metric in (("frames", frames), ("videos", videos))
        for key, value in metric.compute().items()
    }


PADDED = ([[0, 3], [6]], [[1, 4, 7, 2, 5, 8], [0]])  # shares of two processes; both see sample 0
EMPTY = ([], [[8, 2, 4], [0, 1, 3, 5, 6, 7]])  # the first process sees nothing


def one_process(rank, port, folder):
    """What each of two processes runs: this file as a script."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    torch.save([scores_of(shares[rank]) for shares in (PADDED, EMPTY)], Path(folder, f"{rank}.pt"))
    dist.destroy_process_group()


def test_two_processes_with_padding_or_an_empty_one_equal_a_single_process(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-W", "ignore", __file__]
    processes = [subprocess.Popen([*command, str(rank), str(port), str(tmp_path)]) for rank in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    alone = scores_of([list(range(9))])
    assert alone[1] == alone[2] == [9]
    for rank in range(2):
        for result, missing, unranked in torch.load(tmp_path / f"{rank}.pt"):
            assert result == pytest.approx(alone[0])
            assert missing == unranked == [9]


if __name__ == "__main__":
    one_process(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
