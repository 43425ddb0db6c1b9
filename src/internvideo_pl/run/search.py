"""What `search` does: a folder's videos that fit sentences best, with the time, as lines, JSON and a page."""

import json as formats
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch.nn import functional as F

from internvideo_pl.errors import UserError
from internvideo_pl.folders import cache_folder, results_folder
from internvideo_pl.models import load
from internvideo_pl.search.embed import Collection, embed
from internvideo_pl.search.index import Index
from internvideo_pl.search.page import Found, clock, write_page
from internvideo_pl.search.store import Store, key_of
from internvideo_pl.video.sources import find_sources, read_list

PAGE = "search.html"
NAMED = 5  # unreadable videos that are named in words


def main(
    queries: list[str],
    videos: str,
    model: str,
    *,
    top: int,
    window: float,
    to: Path | None = None,
    device: str = "cpu",
    json: bool = False,
) -> None:
    """Answer sentences with videos of a folder.

    Args:
        queries: Sentences.
        videos: A folder of videos, or a list of them.
        model: As `models.load` takes it; one with a text tower.
        top: Videos a sentence.
        window: Seconds of a video that become one clip.
        to: The page; by default `search.html` below the results.
        device: Where the model works.
        json: Print JSON instead of lines.

    Raises:
        UserError: There is nothing to search for or in, or the model has no text tower.
    """
    _check(queries, videos, model, top, window)
    locations = read_list(videos) if os.path.isfile(videos) else find_sources(videos)
    loaded = load(model, device=device)
    vectors = F.normalize(loaded.encode_text(queries), dim=-1).numpy()  # first: a model without a text tower ends here
    store = Store(cache_folder() / "search", key_of(loaded, window))
    found = embed(loaded, locations, store, window)
    index, files = _indexed(found, store, videos)
    answers = [
        (query, [Found(hit, files[hit.video][0], tuple(files[hit.video][1:])) for hit in index.search(vector, top)])
        for query, vector in zip(queries, vectors, strict=True)
    ]
    note = f"{len(files):,} videos in {videos}, {len(index):,} clips of {window:g} seconds, by {model}."
    page = write_page(to or results_folder() / PAGE, answers, note)
    if json:
        print(formats.dumps(_record(answers, found, len(index), model, page), indent=2))
    else:
        _say(answers, found, note, page)


def _check(queries: Sequence[str], videos: str, model: str, top: int, window: float) -> None:
    if not videos or not model:
        raise UserError("search where, and with which model? Name --videos, a folder, and --model, as `load` takes it")
    if not queries or not all(any(map(str.isprintable, query.strip())) for query in queries):
        raise UserError('search for what? Write a sentence, as in: search "a dog runs" --videos folder --model model')
    if top < 1 or not 0 < window < float("inf"):
        raise UserError(f"--top {top} must be at least 1 and --window {window:g} a number of seconds above 0")


def _indexed(found: Collection, store: Store, videos: str) -> tuple[Index, list[list[str]]]:
    """The index, and the files of each of its videos."""
    read = [(files, vectors) for content, files in found.copies.items() if (vectors := store.get(content)) is not None]
    if not read:
        first = f"; the first is {found.faults[0]}" if found.faults else ""
        raise UserError(f"none of the videos in {videos} can be read{first}")
    return Index([vectors for _, vectors in read]), [files for files, _ in read]


def _record(
    answers: Sequence[tuple[str, Sequence[Found]]], found: Collection, clips: int, model: str, page: Path
) -> dict[str, Any]:
    """For scripts."""
    return {
        "model": model,
        "videos": len(found.copies),
        "clips": clips,
        "unreadable": [{"file": fault.path, "reason": fault.reason} for fault in found.faults],
        "answers": [
            {
                "query": query,
                "hits": [
                    {
                        "rank": rank,
                        "file": hit.file,
                        "start": round(hit.hit.start, 3),
                        "end": round(hit.hit.end, 3),
                        "score": round(hit.hit.score, 6),
                        "copies": list(hit.copies),
                    }
                    for rank, hit in enumerate(hits, start=1)
                ],
            }
            for query, hits in answers
        ],
        "page": str(page),
    }


def _say(answers: Sequence[tuple[str, Sequence[Found]]], found: Collection, note: str, page: Path) -> None:
    for query, hits in answers:
        print(query)
        for rank, hit in enumerate(hits, start=1):
            span = f"{clock(hit.hit.start)}-{clock(hit.hit.end)}"
            copies = f"  (and {len(hit.copies)} with the same content)" if hit.copies else ""
            print(f"  {rank:>2}  {hit.hit.score:6.3f}  {span:>11}  {hit.file}{copies}")
    print(note)
    for fault in found.faults[:NAMED]:
        print(f"unreadable: {fault}")
    if len(found.faults) > NAMED:
        print(f"unreadable: {len(found.faults) - NAMED} more; --json names all")
    print(f"page:  {page}")
