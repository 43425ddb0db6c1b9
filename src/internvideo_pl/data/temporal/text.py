"""Official text files, read whole; what is not UTF-8 is named by line."""

import json
from pathlib import Path

from internvideo_pl.errors import UserError


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        UserError: It cannot be read, or a byte of it is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the file and its permissions") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: byte {content[error.start]:#04x} is not UTF-8; get the file anew") from error


def read_keys(path: Path) -> frozenset[str]:
    """Official ids of a file: one a line, or the keys or items of a JSON file.

    Raises:
        UserError: It cannot be read, or holds something else.
    """
    text = read_text(path)
    if path.suffix != ".json":
        return frozenset(line.strip() for line in text.splitlines() if line.strip())
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}: this is not JSON ({error.msg})") from error
    if not isinstance(content, list | dict) or not all(isinstance(key, str) for key in content):
        raise UserError(f"{path} must hold a list of video ids, or an object whose keys they are")
    return frozenset(content)
