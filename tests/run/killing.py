"""Runs that are killed or signalled: each in a real process, forked from the test's to spare it the imports."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from internvideo_pl.__main__ import main


def run(*words: str) -> int:
    """An experiment in this process; its exit code."""
    return main(["run", *words])


def start(words: list[str], log: Path, prepare: Callable[[], Any] = lambda: None) -> int:
    """The same in a process of its own group, whose output goes into `log`; its id."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        os.setpgid(0, 0)
        sys.stdout = sys.stderr = log.open("a", buffering=1)
        os.dup2(sys.stdout.fileno(), 1)
        os.dup2(sys.stdout.fileno(), 2)
        prepare()
        code = run(*words)
    except BaseException:
        traceback.print_exc()
    os._exit(code)


def end(child: int) -> int:
    """Wait for it: its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def at_call(owner: type, name: str, number: int, act: Callable[[], Any]) -> Callable[[], None]:
    """A preparation after which the number-th call of a method, from 1, acts before it does its work."""

    def prepare() -> None:
        method, calls = getattr(owner, name), 0

        def counted(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                act()
            return method(*arguments, **options)

        setattr(owner, name, counted)

    return prepare


def send(number: int) -> Callable[[], None]:
    """Signals the whole process group, as a terminal and a cluster do."""
    return lambda: os.killpg(0, number)


def die() -> None:
    """What `kill -9` does to this process."""
    os.kill(os.getpid(), signal.SIGKILL)
