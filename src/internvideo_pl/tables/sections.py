"""What a report page is made of: plain data, and its HTML. Everything that comes from data is escaped."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from internvideo_pl.errors import UserError
from internvideo_pl.tables.curves import Curve
from internvideo_pl.tables.drawing import SERIES
from internvideo_pl.tables.render import to_html
from internvideo_pl.tables.table import Table

_TYPES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"<svg": "image/svg+xml"}


@dataclass(frozen=True)
class Card:
    """One figure of the summary; `tone` is "good", "bad" or ""."""

    label: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Picture:
    """A PNG, JPEG, GIF or SVG (its file or its bytes), what it shows in words, and a caption."""

    source: Path | bytes
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class CardsSection:
    """The few figures to see first."""

    title: str
    cards: Sequence[Card]


@dataclass(frozen=True)
class TableSection:
    """A table, with a sentence before it."""

    title: str
    table: Table
    text: str = ""


@dataclass(frozen=True)
class PictureSection:
    """Pictures one under the other, with a sentence before them."""

    title: str
    pictures: Sequence[Picture]
    text: str = ""


@dataclass(frozen=True)
class CurvesSection:
    """Drawings side by side, with a sentence before them."""

    title: str
    curves: Sequence[Curve]
    text: str = ""


@dataclass(frozen=True)
class TextSection:
    """Paragraphs, separated by empty lines; or, as `code`, lines kept as they are and folded away."""

    title: str
    text: str
    code: bool = False


@dataclass(frozen=True)
class FactsSection:
    """Facts of the run by name, and the seconds that each of its stages took."""

    title: str
    facts: Mapping[str, str]
    seconds: Mapping[str, float] = field(default_factory=dict)


Section = CardsSection | TableSection | PictureSection | CurvesSection | TextSection | FactsSection


def section_body(section: Section) -> str:
    """The section as HTML, without its heading.

    Raises:
        UserError: a picture cannot be read, or is none.
    """
    match section:
        case CardsSection():
            return f'<dl class="cards">{"".join(map(_card, section.cards))}</dl>'
        case TableSection():
            return _lead(section.text) + to_html(section.table).replace('class="table"', 'class="panel table"', 1)
        case PictureSection():
            return f'{_lead(section.text)}<div class="pictures">{"".join(map(_picture, section.pictures))}</div>'
        case CurvesSection():
            return f'{_lead(section.text)}<div class="curves">{"".join(map(_curve, section.curves))}</div>'
        case TextSection(code=True):
            lines = f'<pre tabindex="0">{escape(section.text)}</pre>'
            return f'<details class="panel"><summary>Show</summary>{lines}</details>'
        case TextSection():
            paragraphs = [part.strip() for part in re.split(r"\n\s*\n", section.text) if part.strip()]
            return f'<div class="panel text">{"".join(f"<p>{escape(part)}</p>" for part in paragraphs)}</div>'
        case FactsSection():
            facts = "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in section.facts.items())
            return f'<div class="panel"><dl class="facts">{facts}</dl>{_stages(section.seconds)}</div>'


def _lead(text: str) -> str:
    return f'<p class="lead">{escape(text)}</p>' if text else ""


def _card(card: Card) -> str:
    note = f'<dd class="note">{escape(card.note)}</dd>' if card.note else ""
    return (
        f'<div class="panel"><dt>{escape(card.label)}</dt>'
        f'<dd class="value {escape(card.tone, quote=True)}">{escape(card.value)}</dd>{note}</div>'
    )


def _picture(picture: Picture) -> str:
    content, name = picture.source, "that was handed over"
    if isinstance(content, Path):
        name = str(content)
        try:
            content = content.read_bytes()
        except OSError as error:
            raise UserError(f"The report's picture {name} cannot be read ({error.strerror}).") from error
    kind = next((kind for magic, kind in _TYPES.items() if content.startswith(magic)), None)
    if kind is None:
        raise UserError(f"The report's picture {name} is not a PNG, JPEG, GIF or SVG.")
    source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    caption = f"<figcaption>{escape(picture.caption)}</figcaption>" if picture.caption else ""
    label = escape(picture.alt, quote=True)
    return (
        f'<figure class="panel"><div class="scroll" tabindex="0" role="region" aria-label="{label}">'
        f'<img src="{source}" alt="{label}"></div>{caption}</figure>'
    )


def _curve(curve: Curve) -> str:
    caption = f"<figcaption>{escape(curve.alt)}</figcaption>"
    return f'<figure class="panel"><h3>{escape(curve.title)}</h3>{curve.svg}{caption}</figure>'


def _stages(seconds: Mapping[str, float]) -> str:
    """Seconds a stage as one bar that is divided, with its legend."""
    if not seconds:
        return ""
    colors = [f"var(--line-{i % len(SERIES) + 1})" for i in range(len(seconds))]
    parts = "".join(
        f'<span style="flex:{max(value, 0.0):.3f} 0 0;background:{color}"></span>'
        for color, value in zip(colors, seconds.values(), strict=True)
    )
    items = "".join(
        f'<li style="--swatch:{color}">{escape(name)} <span>{_duration(value)}</span></li>'
        for color, (name, value) in zip(colors, seconds.items(), strict=True)
    )
    total = _duration(sum(seconds.values()))
    return (
        f'<div class="stages"><h3>Time by stage, {total} in all</h3>'
        f'<div class="whole" aria-hidden="true">{parts}</div><ul>{items}</ul></div>'
    )


def _duration(seconds: float) -> str:
    """Words for a time: "48 s", "5 min 11 s", "3 h 20 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole >= 10 else f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
