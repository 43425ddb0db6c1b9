"""What a search found, as a page of thumbnails in one HTML file. Everything that comes from data is escaped."""

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from PIL import Image

from internvideo_pl.errors import UserError
from internvideo_pl.search.index import Hit
from internvideo_pl.video.deadline import limited
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources import open_source
from internvideo_pl.video.sources.excerpt import excerpt_location
from internvideo_pl.whole_file import write_whole

HEIGHT = 180  # pixels of a thumbnail's shorter side
STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:1200px;margin:2rem auto;padding:0 1rem}
h2{font-weight:600;margin:2.5rem 0 .8rem;overflow-wrap:anywhere}
ol{list-style:none;padding:0;display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(210px,1fr))}
img{width:100%;border-radius:6px;display:block;background:#8883}
figure{margin:0}figcaption{font-size:.85rem;overflow-wrap:anywhere}small{opacity:.7}
"""


@dataclass(frozen=True)
class Found:
    """A hit with its files: the one that is shown, and others with the same content."""

    hit: Hit
    file: str
    copies: tuple[str, ...] = ()


def clock(seconds: float) -> str:
    """Seconds as a person writes them: 1:05, or 1:02:03."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def thumbnail(found: Found) -> bytes | None:
    """The frame in the middle of what was found, as JPEG; None where it cannot be read any more."""
    location = excerpt_location(found.file, found.hit.start, max(found.hit.end, found.hit.start + 0.001))
    try:
        with limited(location):
            source = open_source(location)
            frame = source.frames([source.num_frames() // 2], HEIGHT)[0]
    except DecodeError:
        return None
    buffer = io.BytesIO()
    Image.fromarray(frame.numpy()).save(buffer, format="JPEG", quality=80)
    return buffer.getvalue()


def write_page(path: Path, answers: Sequence[tuple[str, Sequence[Found]]], note: str) -> Path:
    """Writes the page, whole or not at all.

    Args:
        path: The HTML file.
        answers: Queries and what they found.
        note: What was searched, a sentence.

    Raises:
        UserError: It cannot be written.
    """
    parts = [f"<h2>{escape(query)}</h2><ol>{''.join(map(_figure, found))}</ol>" for query, found in answers]
    head = f'<meta charset="utf-8"><title>Search</title><style>{STYLE}</style>'
    page = (
        f"<!doctype html><html lang=en><head>{head}</head><body><p>{escape(note)}</p>{''.join(parts)}</body></html>\n"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, page.encode(errors="replace"))  # a file's name may be any bytes
    except OSError as error:
        raise UserError(f"the page {path} cannot be written ({error.strerror}): choose another with --to") from error
    return path


def _figure(found: Found) -> str:
    picture = thumbnail(found)
    image = f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(picture).decode()}">' if picture else ""
    link = (
        f"{Path(found.file).absolute().as_uri()}#t={found.hit.start:.1f}" if os.path.isfile(found.file) else found.file
    )
    words = f"{clock(found.hit.start)} to {clock(found.hit.end)}, {found.hit.score:.3f}"
    copies = f"<br><small>also {escape(', '.join(found.copies))}</small>" if found.copies else ""
    name = escape(os.path.basename(found.file))
    return (
        f'<li><figure><a href="{escape(link, quote=True)}">{image}</a>'
        f"<figcaption>{name}<br>{words}{copies}</figcaption></figure></li>"
    )
