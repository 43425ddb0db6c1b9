"""A run as one page: `report.html`, which needs nothing besides itself.

No script, no font and no picture is fetched: pictures are embedded, and the page's own policy forbids everything else.
"""

import os
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from internvideo_pl.errors import UserError
from internvideo_pl.tables.provenance import code_version
from internvideo_pl.tables.sections import Section, section_body

STYLE = Path(__file__).with_name("report.css")


def write_report(path: Path, title: str, sections: Sequence[Section], subtitle: str = "") -> Path:
    """Write the page; a page of that name is replaced as a whole.

    Raises:
        UserError: the page cannot be written there, or a picture is absent or none.
    """
    page = _page(title, subtitle, sections)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(page, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f"The report {path} cannot be written ({error.strerror}); choose another folder.") from error
    return path


def _page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    named = list(zip(_anchors([section.title for section in sections]), sections, strict=True))
    links = "".join(f'<li><a href="#{name}">{escape(section.title)}</a></li>' for name, section in named)
    bodies = "\n".join(
        f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{escape(section.title)}</h2>\n'
        f"{section_body(section)}</section>"
        for name, section in named
    )
    under = f'<p class="subtitle">{escape(subtitle)}</p>' if subtitle else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<header class="top"><p class="brand">InternVideo in PyTorch Lightning</p><h1>{escape(title)}</h1>{under}</header>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<main>
{bodies}
</main>
<footer>internvideo_pl {escape(code_version())}</footer>
</body>
</html>
"""


def _anchors(titles: Sequence[str]) -> list[str]:
    """A distinct word for each title, to link to."""
    return [f"{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')}-{i + 1}" for i, title in enumerate(titles)]
