"""A run as one page: `report.html`, which needs nothing besides itself.

No script, no font and no picture is fetched: pictures are embedded, and the page's own policy forbids everything else.
"""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from internvideo_pl.errors import UserError
from internvideo_pl.tables.provenance import code_version
from internvideo_pl.tables.sections import Section, section_body
from internvideo_pl.whole_file import write_whole

STYLE = Path(__file__).with_name("report.css")


def write_report(path: Path, title: str, sections: Sequence[Section], subtitle: str = "") -> Path:
    """Write the page; a page of that name is replaced as a whole.

    Raises:
        UserError: the page cannot be written there, or a picture is absent or none.
    """
    text = page(title, subtitle, [(section.title, section_body(section)) for section in sections])
    try:
        write_whole(path, text)
    except OSError as error:
        raise UserError(f"The report {path} cannot be written ({error.strerror}); choose another folder.") from error
    return path


def page(
    title: str, subtitle: str, parts: Sequence[tuple[str, str]], script: str = "", policy: str = "", style: str = ""
) -> str:
    """A page of parts, with a bar of links to them.

    Args:
        title: Its heading.
        subtitle: A sentence under it.
        parts: Headings, each with the HTML under it.
        script: Stands at the page's end; the policy must allow it.
        policy: What the page may do besides showing embedded pictures.
        style: Beside the sheet that all pages share.
    """
    named = list(zip(_anchors([heading for heading, _ in parts]), parts, strict=True))
    links = "".join(f'<li><a href="#{name}">{escape(heading)}</a></li>' for name, (heading, _) in named)
    bodies = "\n".join(
        f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{escape(heading)}</h2>\n{body}</section>'
        for name, (heading, body) in named
    )
    under = f'<p class="subtitle">{escape(subtitle)}</p>' if subtitle else ""
    allowed = "; ".join(filter(None, ["default-src 'none'; img-src data:; style-src 'unsafe-inline'", policy]))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{allowed}">
<title>{escape(title)}</title>
<style>
{STYLE.read_text(encoding="utf-8")}{style}</style>
</head>
<body>
<header class="top"><p class="brand">InternVideo in PyTorch Lightning</p><h1>{escape(title)}</h1>{under}</header>
<nav aria-label="Sections"><ul>{links}</ul></nav>
<main>
{bodies}
</main>
<footer>internvideo_pl {escape(code_version())}</footer>
{f"<script>{script}</script>" if script else ""}
</body>
</html>
"""


def _anchors(titles: Sequence[str]) -> list[str]:
    """A distinct word for each title, to link to."""
    return [f"{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-')}-{i + 1}" for i, title in enumerate(titles)]
