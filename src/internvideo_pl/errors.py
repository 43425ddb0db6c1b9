"""Why a command ends early, each said in one sentence: a person's mistake with its fix, a run that failed, a signal."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """A mistake in the input (name, key, file, value): the command line prints its one sentence and exits with 2."""


class RunFailed(RuntimeError):  # noqa: N818  # says what happened
    """A run that cannot go on though its input was right (a loss that is not a number): one sentence, exit code 1."""


class Interrupted(BaseException):
    """A run that a signal has stopped; the exit code is 128 and the signal's number, as shells have it.

    Like `KeyboardInterrupt` it is no `Exception`: nothing that handles errors may swallow it.

    Args:
        signum: Number of the signal.
        sentence: What became of the run.
    """

    def __init__(self, signum: int, sentence: str = "interrupted"):
        super().__init__(sentence)
        self.signum = signum

    @property
    def code(self) -> int:
        """Exit code of the process: 130 after Ctrl-C, 143 after SIGTERM."""
        return 128 + self.signum


def hint(word: str, choices: Iterable[str], limit: int = 12) -> str:
    """The nearest of `choices` as a ' Did you mean ...?' clause, or the list of them when none is near.

    Returns:
        A clause that starts with a space, to be appended to an error's sentence; empty when there are no choices.
    """
    names = sorted({str(choice) for choice in choices})
    near = get_close_matches(str(word), names, n=1, cutoff=0.6)
    if near:
        return f" Did you mean {near[0]!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")
    return f" Choices: {shown}."
