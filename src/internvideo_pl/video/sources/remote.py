"""A video behind a URL of any scheme that fsspec knows (s3, gs, http, https, file, memory ...).

It is copied into a bounded folder on this machine and read there. A URL that begins with `range+` is read in place
instead, piece by piece, which pays for a few frames of a long film.
"""

import os
import time
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from internvideo_pl.errors import UserError
from internvideo_pl.folders import cache_folder
from internvideo_pl.video.container import key_of
from internvideo_pl.video.deadline import restarter
from internvideo_pl.video.faults import DecodeError
from internvideo_pl.video.sources.downloads import Downloads

LOCAL, IN_PLACE = "file://", "range+"
BUDGET_VARIABLE, BUDGET_GB = "INTERNVIDEO_CACHE_GB", 50.0  # a twentieth of a 1 TB disk
PAUSES = (1.0, 5.0)  # seconds before each further attempt: a dropped connection is no damaged video


@dataclass(frozen=True)
class RemoteFile:
    """One object behind a URL; a `VideoSource`.

    What a URL names is taken to stay the same: a copy is never compared with its original again.

    Attributes:
        url: With `range+` in front it is read in place.
    """

    url: str

    @property
    def name(self) -> str:
        """The URL."""
        return self.url

    @property
    def key(self) -> Hashable:
        """Tells contents apart: the URL; of a local file also its size and time of change.

        Raises:
            DecodeError: There is no such local file.
        """
        if not self.url.startswith(LOCAL):
            return self.url
        try:
            return key_of(self.url.removeprefix(LOCAL))
        except DecodeError as error:
            raise DecodeError(self.url, error.reason) from error

    def open(self) -> BinaryIO:
        """Its bytes, seekable.

        Raises:
            DecodeError: It is not there, or could not be fetched in several attempts.
            UserError: The package that reads this scheme is not installed, or no package does.
        """
        if self.url.startswith(LOCAL):
            return open(self.url.removeprefix(LOCAL), "rb")
        for pause in (*PAUSES, None):
            try:
                return self._open()
            except (UserError, DecodeError):
                raise
            except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
                raise DecodeError(self.url, f"cannot be fetched: {_said(error)}") from error
            except Exception as error:  # each scheme's client has errors of its own
                if pause is None:
                    raise DecodeError(self.url, f"cannot be fetched: {_said(error)}") from error
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _open(self) -> BinaryIO:
        if self.url.startswith(IN_PLACE):
            system, path = _system(self.url.removeprefix(IN_PLACE))
            return cast(BinaryIO, system.open(path, "rb"))
        return _downloads().open(self.url, self._fetch)

    def _fetch(self, to: Path) -> None:
        from fsspec.callbacks import Callback

        system, path = _system(self.url)
        restart = restarter()
        system.get_file(path, str(to), callback=Callback(hooks={"arrived": lambda *_, **__: restart()}))


def is_url(location: str) -> bool:
    """Whether a location is a URL."""
    return "://" in location


def open_bytes(location: str) -> BinaryIO:
    """The bytes at a path or a URL, seekable.

    Raises:
        OSError: There is no such file.
        DecodeError: The URL cannot be read.
    """
    return RemoteFile(location).open() if is_url(location) else open(location, "rb")


def content_key(location: str) -> Hashable:
    """Tells contents at a path or a URL apart.

    Raises:
        DecodeError: There is no such file.
    """
    return RemoteFile(location).key if is_url(location) else key_of(location)


def _downloads() -> Downloads:
    try:
        budget = float(os.environ.get(BUDGET_VARIABLE) or BUDGET_GB)
    except ValueError:
        raise UserError(f"{BUDGET_VARIABLE} must be a number of gigabytes, such as 50") from None
    return Downloads(cache_folder() / "downloads", int(budget * 1e9))


def _system(url: str) -> tuple[Any, str]:
    """fsspec's file system for a URL, and the path in it. Asked for anew each time: it may not outlive a fork.

    Raises:
        UserError: The package that reads this scheme is not installed, or no package does.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise UserError(f"{url} needs fsspec: pip install 'internvideo_pl[remote]'") from error
    try:
        return url_to_fs(url)
    except ImportError as error:
        raise UserError(f"{url} needs a package: pip install 'internvideo_pl[remote]' ({error})") from error
    except ValueError as error:
        raise UserError(f"{url} cannot be read: {error}") from error


def _said(error: Exception) -> str:
    """An error in words; those of clients often say nothing but their name."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
