"""What a person did wrong, said in one sentence with the fix."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(ValueError):
    """A mistake in the input (name, key, file, value): the command line prints its one sentence and exits with 2."""


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
