"""What the doctor says: one check, its verdict, what was found, what to do about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warning", "fails"]


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report.

    Attributes:
        name: What was looked at, in a word or three.
        verdict: "ok"; "warning" for what a person should know but a run survives; "fails" for what no run survives.
        found: One sentence without a full stop.
        items: Everything that the sentence counts, one line each: files, keys, processes.
        todo: What a person can do about it; empty where there is nothing to do.
    """

    name: str
    verdict: Verdict
    found: str
    items: Sequence[str] = ()
    todo: str = ""


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The most serious of some verdicts; "ok" for none."""
    order: tuple[Verdict, ...] = ("ok", "warning", "fails")
    return max(verdicts, key=order.index, default="ok")


def counted(number: int, noun: str, several: str = "") -> str:
    """A number with its noun: "1 file", "1,204 files"."""
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"
