"""A drawing as a list of shapes, and its two forms: SVG text for pages, PNG bytes for whatever shows no SVG.

Colours are words of `COLORS`: style-sheet variables with a fallback each, so that a page can turn the drawing dark; in
a PNG they are the fallbacks on white. What has a colour of its own, such as the rooms of a map, gives it as "#rrggbb".
Text stays text; nothing has an id, so any number of drawings fit into one page. Coordinates are pixels from the upper
left corner.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from PIL import Image, ImageColor, ImageDraw, ImageFont

SERIES = ("#2f5bea", "#c2410c", "#0f766e", "#9333ea", "#a16207", "#be185d")  # of lines and bars, in turn
COLORS = {
    "ink": "#14181f",
    "muted": "#5c6672",
    "line": "#e3e7ec",
    "panel": "#ffffff",
    "good": "#14734a",
    "bad": "#b3381c",
    **{f"line-{i}": color for i, color in enumerate(SERIES, 1)},
}
SHARPNESS, SMOOTHING = 2, 2  # pixels of a PNG for one of the drawing, and how much finer it is drawn to be smoothed
SWATCH = "━ "  # a span of this text is a sample of a line's colour

Point = tuple[float, float]
Anchor = Literal["start", "middle", "end"]


def series_color(i: int) -> str:
    """The colour of the i-th line, from 0."""
    return f"line-{i % len(SERIES) + 1}"


@dataclass(frozen=True)
class Path:
    """Connected points; several pieces where a line has gaps. A lone point is a dot as wide as the stroke."""

    pieces: Sequence[Sequence[Point]]
    stroke: str = ""
    width: float = 1.0
    fill: str = ""
    opacity: float = 1.0
    closed: bool = False


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    center: Point
    radius: float
    fill: str


@dataclass(frozen=True)
class Span:
    """A piece of a text with its colour."""

    text: str
    color: str = "muted"
    bold: bool = False


@dataclass(frozen=True)
class Text:
    """Words on one line; `at` is where they start, end or have their middle, on the line they stand on."""

    at: Point
    spans: Sequence[Span]
    size: float = 12.0
    anchor: Anchor = "start"


Shape = Path | Disc | Text


@dataclass(frozen=True)
class Drawing:
    """Shapes, later ones over earlier ones.

    Attributes:
        width: In pixels.
        height: In pixels.
        shapes: What is drawn.
        alt: The drawing in words, for those who do not see it.
    """

    width: float
    height: float
    shapes: Sequence[Shape]
    alt: str


def box(x: float, y: float, width: float, height: float, fill: str, opacity: float = 1.0) -> Path:
    """A filled rectangle."""
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return Path([corners], fill=fill, opacity=opacity, closed=True)


def label(x: float, y: float, text: str, anchor: Anchor = "start", color: str = "muted", size: float = 12.0) -> Text:
    """Words of one colour."""
    return Text((x, y), [Span(text, color)], size, anchor)


def to_svg(drawing: Drawing) -> str:
    """An `<svg>` element that can stand in a page, or alone in a file."""
    style = f"fill:{_css('muted')};font:12px var(--font, sans-serif);font-variant-numeric:tabular-nums"
    inside = "".join(_svg_shape(shape) for shape in drawing.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width:g} {drawing.height:g}" role="img" '
        f'aria-label="{escape(drawing.alt, quote=True)}" style="{style}">{inside}</svg>'
    )


def to_png(drawing: Drawing) -> bytes:
    """The drawing on white, as the bytes of a PNG."""
    scale = SHARPNESS * SMOOTHING
    fine = Image.new("RGB", (round(drawing.width * scale), round(drawing.height * scale)), COLORS["panel"])
    pen = ImageDraw.Draw(fine, "RGBA")  # blends what is not opaque
    for shape in drawing.shapes:
        _paint(pen, shape, scale)
    size = (fine.width // SMOOTHING, fine.height // SMOOTHING)
    out = io.BytesIO()
    fine.resize(size, Image.Resampling.BOX).save(out, format="PNG")
    return out.getvalue()


def _css(color: str) -> str:
    return color if color.startswith("#") else f"var(--{color}, {COLORS[color]})"


def _svg_shape(shape: Shape) -> str:
    match shape:
        case Disc(center=(x, y), radius=radius, fill=fill):
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" style="fill:{_css(fill)}"/>'
        case Path():
            data = "".join(_svg_piece(piece, shape.closed) for piece in shape.pieces)
            fill = _css(shape.fill) if shape.fill else "none"
            pale = f";opacity:{shape.opacity:g}" if shape.opacity < 1 else ""
            line = f";stroke:{_css(shape.stroke)}" if shape.stroke else ""
            width = f' stroke-width="{shape.width:g}"' if shape.stroke else ""
            ends = ' stroke-linejoin="round" stroke-linecap="round"' if shape.stroke else ""
            return f'<path d="{data}" style="fill:{fill}{line}{pale}"{width}{ends}/>'
        case Text(at=(x, y), spans=spans, anchor=anchor):
            kept = ' xml:space="preserve"' if len(spans) > 1 else ""
            size = f' font-size="{shape.size:g}"' if shape.size != 12 else ""
            words = "".join(_svg_span(span) for span in spans) if len(spans) > 1 else _svg_words(*spans)
            return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{size}{kept}>{words}</text>'


def _svg_piece(piece: Sequence[Point], closed: bool) -> str:
    data = "".join(f"{'L' if i else 'M'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(piece))
    return data + ("Z" if closed else "h0" if len(piece) == 1 else "")


def _svg_span(span: Span) -> str:
    weight = ' font-weight="700"' if span.bold else ""
    color = f' style="fill:{_css(span.color)}"' if span.color != "muted" else ""
    return f"<tspan{color}{weight}>{escape(span.text)}</tspan>"


def _svg_words(span: Span) -> str:
    """A lone span, without an element of its own where it needs none."""
    return escape(span.text) if span == Span(span.text) else _svg_span(span)


def _paint(pen: ImageDraw.ImageDraw, shape: Shape, scale: int) -> None:
    match shape:
        case Disc(center=(x, y), radius=radius, fill=fill):
            pen.ellipse([scale * v for v in (x - radius, y - radius, x + radius, y + radius)], fill=_rgba(fill, 1.0))
        case Path():
            for piece in shape.pieces:
                _paint_piece(pen, shape, [(scale * x, scale * y) for x, y in piece], scale)
        case Text():
            _paint_text(pen, shape, scale)


def _paint_piece(pen: ImageDraw.ImageDraw, shape: Path, points: list[Point], scale: int) -> None:
    if shape.fill and len(points) > 2:
        pen.polygon(points, fill=_rgba(shape.fill, shape.opacity))
    if not shape.stroke:
        return
    color, width = _rgba(shape.stroke, shape.opacity), max(round(shape.width * scale), 1)
    if len(points) == 1:
        (x, y), radius = points[0], width / 2
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=color)
    else:
        pen.line([*points, points[0]] if shape.closed else points, fill=color, width=width, joint="curve")


def _paint_text(pen: ImageDraw.ImageDraw, text: Text, scale: int) -> None:
    font = ImageFont.load_default(text.size * scale)
    lengths = [text.size * scale if span.text == SWATCH else font.getlength(span.text) for span in text.spans]
    share = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor]
    x, y = scale * text.at[0] - share * math.fsum(lengths), scale * text.at[1]
    for span, length in zip(text.spans, lengths, strict=True):
        if span.text == SWATCH:  # which the built-in font has not
            middle, height = y - 0.35 * text.size * scale, 0.09 * text.size * scale
            pen.rectangle([x, middle - height, x + 0.8 * length, middle + height], fill=_rgba(span.color, 1.0))
            x += length
            continue
        weight = scale / 5 if span.bold else 0.0  # the built-in font has one weight
        pen.text((x, y), span.text, fill=_rgba(span.color, 1.0), font=font, anchor="ls", stroke_width=weight)
        x += length


def _rgba(color: str, opacity: float) -> tuple[int, int, int, int]:
    red, green, blue = ImageColor.getrgb(COLORS.get(color, color))[:3]
    return red, green, blue, round(255 * opacity)
