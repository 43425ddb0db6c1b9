"""Processes that tests start never outlive them."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.run import killing


@pytest.fixture
def start() -> Iterator[Callable[..., int]]:
    """`killing.start`; what it started and the test has not ended is killed at the test's end."""
    children: list[int] = []

    def _start(*arguments, **options) -> int:
        children.append(killing.start(*arguments, **options))
        return children[-1]

    yield _start
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)
