"""The one error a person is meant to read, and parts of its sentence."""

import difflib
from collections.abc import Iterable


class LakehouseError(Exception):
    """One sentence: what was found, where, what was expected, what to do.

    Jobs print it on stderr and exit with status 2; nothing has been written. A notebook shows it
    without the way that led there.
    """

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class StopRuleError(LakehouseError):
    """A table as a whole breaks a stop rule: it is what it was, and the build goes on elsewhere."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that helps with a misspelt name."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}" if close else f"known are {', '.join(sorted(known))}"


def first_line(error: Exception) -> str:
    """What an error of somebody else's says first; the rest is for its developers."""
    return str(error).strip().split("\n")[0]
