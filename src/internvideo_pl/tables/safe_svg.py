"""A drawing of ours read back from its file, to stand inside a page: nothing but shapes and words comes through."""

import re
import xml.etree.ElementTree as ElementTree
from html import escape

SPACE = "{http://www.w3.org/2000/svg}"
PRESERVE = "{http://www.w3.org/XML/1998/namespace}space"
ELEMENTS = ("svg", "g", "path", "polygon", "rect", "circle", "text", "tspan")
_SHAPE = "viewBox width height transform d points x y cx cy r style opacity"
_PAINT = "fill fill-opacity stroke stroke-width stroke-opacity stroke-linejoin stroke-linecap"
_WORDS = "role aria-label text-anchor font-size font-weight"
ATTRIBUTES = (*_SHAPE.split(), *_PAINT.split(), *_WORDS.split(), PRESERVE)
DEEPEST = 8  # elements inside each other; ours have three
_PLAIN = re.compile(r"[\w\s.,;:#%()+-]*")  # of every attribute but the words


def safe_svg(text: str) -> str | None:
    """The drawing, written anew; None where it is none, or has an element or attribute that no drawing of ours has."""
    if "<!" in text or "<?" in text:  # no entities, no style sheets
        return None
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return None
    if root.tag != f"{SPACE}svg":
        return None
    try:
        return _written(root, DEEPEST)
    except ValueError:
        return None


def _written(element: ElementTree.Element, deeper: int) -> str:
    """An element with what is in it.

    Raises:
        ValueError: Something in it is not allowed.
    """
    tag = element.tag.removeprefix(SPACE)
    if tag not in ELEMENTS or not deeper:
        raise ValueError(tag)
    attributes = "".join(_attribute(name, value) for name, value in element.attrib.items())
    inside = "".join(_written(child, deeper - 1) + escape(child.tail or "") for child in element)
    return f"<{tag}{attributes}>{escape(element.text or '')}{inside}</{tag}>"


def _attribute(name: str, value: str) -> str:
    words = name == "aria-label"
    if name not in ATTRIBUTES or not (words or _PLAIN.fullmatch(value)) or ("url" in value.lower() and not words):
        raise ValueError(name)
    return f' {"xml:space" if name == PRESERVE else name}="{escape(value, quote=True)}"'
