"""Gzipped JSON from untrusted files: bounded in memory, every fault one sentence that names the file."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

from internvideo_pl.errors import UserError

LIMIT = 2**30  # bytes of text: several times the largest official file, and what a machine can hold


def read_gzip_json(path: Path, limit: int = LIMIT) -> Any:
    """The value in a gzipped JSON file.

    Args:
        path: The file.
        limit: Most bytes that it may unpack to; reading ends there.

    Raises:
        UserError: It cannot be read, is damaged, unpacks to more than the limit, or is not JSON.
    """
    try:
        with gzip.open(path) as file:
            content = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} cannot be read as gzip ({error}); get the file anew") from error
    if len(content) > limit:
        raise UserError(f"{path} unpacks to more than {limit:,} bytes, which no official file does; get it anew")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error}); get the file anew") from error
