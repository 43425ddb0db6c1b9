"""`internvideo mini NAME [key=value ...]`: makes a miniature by hand and says where it is."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from internvideo_pl.data.mini.generate import MANIFEST, make_mini
from internvideo_pl.data.mini.layouts import MINIS
from internvideo_pl.errors import UserError, hint

TYPES = {int: int, float: float, str: str}  # of an option, by that of its default


def mini_command(name: str, settings: list[str], cache: Path, seed: int = 0) -> str:
    """Makes a miniature.

    Args:
        name: A key of `MINIS`.
        settings: Its options as "key=value".
        cache: Folder that holds all miniatures.
        seed: Of the miniature.

    Returns:
        What to print: the folder, and what is in it.

    Raises:
        UserError: An unknown name or option, or a value that is no number.
    """
    if name not in MINIS:
        raise UserError(f"there is no miniature {name!r}.{hint(name, MINIS)}")
    options: dict[str, Any] = dict(_parse(name, setting) for setting in settings)
    folder = make_mini(name, cache, seed, **options)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    chosen = " ".join(f"{key}={value}" for key, value in manifest["options"].items())
    return f"{folder}\n{manifest['clips']} clips, seed={manifest['seed']} {chosen}\nsha256 {manifest['sha256']}"


def _parse(name: str, setting: str) -> tuple[str, int | float | str]:
    """One "key=value" as the option's type."""
    defaults = {field.name: field.default for field in dataclasses.fields(MINIS[name].options)}
    key, equals, value = setting.partition("=")
    if not equals:
        raise UserError(f"{setting!r} is not of the form key=value.{hint(key, defaults)}")
    if key not in defaults:
        raise UserError(f"the miniature {name} has no option {key!r}.{hint(key, defaults)}")
    try:
        return key, TYPES[type(defaults[key])](value)
    except ValueError:
        raise UserError(f"{key}={value} of the miniature {name} must be a number like {defaults[key]}") from None
