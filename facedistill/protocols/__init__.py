"""Benchmarks: which faces a set has, and its rules. One file a benchmark; nothing is registered."""

import inspect
from pathlib import Path

from ..catalogue import catalogue
from ..errors import UserError
from .contract import AbstractProtocol


def open_protocol(path: Path) -> AbstractProtocol:
    """The benchmark at ``path``: the one that recognises it, or else the general one that does.

    Raises:
        UserError: there is nothing at ``path``, no benchmark recognises it, or several do; what a benchmark says of
            its own files.
    """
    if not path.exists():
        raise UserError(f"There is no folder {path}, nor a file; a benchmark is one or the other.")
    recognising = [protocol for protocol in protocols() if protocol.recognises(path)]
    special = [protocol for protocol in recognising if not protocol.general]
    chosen = special or recognising
    if len(chosen) != 1:
        raise UserError(_unclear(path, chosen))
    return chosen[0].open(path)


def protocols() -> list[type[AbstractProtocol]]:
    """Every benchmark that the package knows, by the name of its file."""
    offers = catalogue("protocols", AbstractProtocol).values()
    return [offer for offer in offers if isinstance(offer, type) and issubclass(offer, AbstractProtocol)]


def _unclear(path: Path, chosen: list[type[AbstractProtocol]]) -> str:
    if chosen:
        return f"{path} looks like {len(chosen)} benchmarks: {_wanted(chosen)}; remove what belongs to all but one."
    return f"No benchmark recognises {path}. Looked for: {_wanted(protocols())}."


def _wanted(known: list[type[AbstractProtocol]]) -> str:
    return "; ".join(_first_line(protocol) for protocol in known)


def _first_line(protocol: type[AbstractProtocol]) -> str:
    return (inspect.getdoc(protocol) or protocol.__name__).splitlines()[0].rstrip(".")
