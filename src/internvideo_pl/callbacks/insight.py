"""What a test says beyond its figures: which classes were taken for which, which clips went wrong, what resembles what.

Shapes: K classes, S shown pairs.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from internvideo_pl.callbacks.heatmap import heatmap
from internvideo_pl.callbacks.pictures import Preview, Strip, filmstrip
from internvideo_pl.metrics.ranking import similarity
from internvideo_pl.metrics.recognition import Recognition
from internvideo_pl.metrics.retrieval import Retrieval

WORST = 6  # clips that were most surely given a wrong class
PAIRS = 48  # texts and videos of a similarity map
CONFUSION = "confusion.csv"  # lines of true class, given class, videos


def recognition_insight(metric: Recognition, classes: Sequence[str], clips: Dataset, folder: Path) -> list[Preview]:
    """The confusion matrix, as `confusion.csv` and a picture, and the clips that went most surely wrong."""
    counts = metric.confusion().cpu()  # int64 (K, K)
    with (folder / CONFUSION).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["true", "given", "videos"])
        writer.writerows([classes[i], classes[j], int(counts[i, j])] for i, j in counts.nonzero().tolist())
    there = counts.sum(1) > 0
    share = (counts / counts.sum(1, keepdim=True).clamp(min=1))[there].double().numpy()
    names = [name for name, has in zip(classes, there.tolist(), strict=True) if has]
    path = heatmap(share, folder / "confusion.png", "confusion", "the true class", "the class that was given", names)
    found = [Preview(path, "Share of each class's test videos (row) by the class that they were given (column).")]
    strips = _worst(metric, classes, clips)
    if strips:
        path = filmstrip(strips, folder / "worst.png", "most surely wrong", label_width=260)
        found.append(Preview(path, "Test videos that were given a wrong class with the greatest probability."))
    return found


def similarity_map(metric: Retrieval, folder: Path) -> list[Preview]:
    """Cosines of test texts and test videos, pairs on the diagonal; of this process's share."""
    number, video = metric.rows("video_index"), metric.rows("video")
    owner, text = metric.rows("text_key")[:, 0], metric.rows("text")
    chosen = torch.unique(number)[:PAIRS]
    firsts = [((number == one).nonzero()[:, 0], (owner == one).nonzero()[:, 0]) for one in chosen]
    pairs = [(int(of_video[0]), int(of_text[0])) for of_video, of_text in firsts if len(of_video) and len(of_text)]
    if not pairs:
        return []
    videos, texts = (torch.tensor(index, device=video.device) for index in zip(*pairs, strict=True))
    cosines = similarity(text[texts], video[videos]).cpu().double().numpy()  # (S, S)
    diagonal = float(np.diag(cosines).mean())
    path = heatmap(cosines, folder / "similarity.png", "similarity of texts and videos", "texts", "their videos")
    caption = (
        f"Cosines of {len(pairs)} test texts (rows) with as many test videos (columns); pairs stand on the diagonal, "
        f"whose mean is {diagonal:.3f}, that of all {float(cosines.mean()):.3f}."
    )
    return [Preview(path, caption)]


def _worst(metric: Recognition, classes: Sequence[str], clips: Dataset) -> list[Strip]:
    strips = []
    for number, label, given, sure in metric.worst(WORST):
        clip = clips[number][0] if number < len(clips) else None  # type: ignore[arg-type]
        if clip is not None and clip.video is not None and clip.index == number:
            strips.append(Strip(f"{classes[given]} ({sure:.0%})\nis {classes[label]}", clip.video))
    return strips
