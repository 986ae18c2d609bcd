"""Errors written for people: one sentence that says what, where and what to do."""

import difflib
from collections.abc import Iterable
from typing import ClassVar


class UserError(Exception):
    """The user can fix this; the command line prints it without a traceback and exits with ``exit_code``."""

    exit_code: ClassVar[int] = 2
    """2: wrong usage or input. 1: the work itself failed."""


class Stopped(UserError):
    """A signal asked for an end, and what was learned is saved."""

    exit_code = 75
    """As EX_TEMPFAIL of sysexits.h: try again later."""


def one_line(error: Exception, characters: int = 300) -> str:
    """What an error says, on one line and not endlessly, to be quoted in a sentence."""
    return " ".join(str(error).split())[:characters]


def first_line(error: BaseException, characters: int = 300) -> str:
    """The first line of what an error says, for errors that go on for pages; its kind where it says nothing."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:characters]


def unknown(kind: str, name: str, known: Iterable[str], where: str = "") -> UserError:
    """An error for a name nobody knows; it names the nearest known one.

    >>> str(unknown("method", "urmf", ["cosine", "urfm"]))
    "Unknown method 'urmf'; did you mean 'urfm'? Known: cosine, urfm."
    """
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    place = f" in {where}" if where else ""
    return UserError(f"Unknown {kind} '{name}'{place}{hint} Known: {', '.join(known) or 'none'}.")
