"""Where names in a recipe come from: a file in a folder of the package, or a dotted name in somebody's own.

A file offers the concrete subclasses of its folder's contract under the file's name (one file, one idea), and
functions that return such a class under their own name (``backbones/vit.py`` offers ``vit_s``, ``vit_b``, ...).
Nothing is registered.
"""

import importlib
import inspect
import pkgutil
from abc import ABC
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, get_origin, get_type_hints

from .errors import UserError, first_line, unknown

Builder = Callable[..., Any]


class NotOffered(UserError):
    """A dotted name behind which there is no part of the kind that was asked for, or more than one."""


class Unfinished(NotOffered):
    """A class that lacks what its contract asks for."""


@cache
def catalogue(package: str, contract: type) -> dict[str, Builder]:
    """Every name that ``facedistill.<package>`` offers for ``contract``, with what builds it."""
    root = importlib.import_module(f"facedistill.{package}")
    found: dict[str, Builder] = {}
    for info in pkgutil.iter_modules(root.__path__):
        found |= dict(_offers(importlib.import_module(f"{root.__name__}.{info.name}"), contract))
    return dict(sorted(found.items()))


def find(package: str, contract: type, name: str) -> Builder:
    """The builder behind ``name``: known to the catalogue, or dotted, such as ``my_package.my_method``.

    Raises:
        UserError: nothing of that name; the nearest known name is given.
    """
    known = catalogue(package, contract)
    if name in known:
        return known[name]
    if "." not in name:
        raise unknown(package.rstrip("s"), name, known)
    return _import_dotted(name, contract)


def _offers(module: ModuleType, contract: type) -> Iterator[tuple[str, Builder]]:
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value) and issubclass(value, contract) and not inspect.isabstract(value):
            yield module.__name__.rpartition(".")[2], value
        elif inspect.isfunction(value) and _returns(value, contract):
            yield name, value


def _returns(function: Callable[..., Any], contract: type) -> bool:
    try:
        result = get_type_hints(function).get("return")
    except NameError:  # a name that only type checkers import
        return False
    # Python 3.10 takes dict[str, int] for a class.
    return get_origin(result) is None and inspect.isclass(result) and issubclass(result, contract)


def _import_dotted(name: str, contract: type) -> Builder:
    module = _imported(name)
    if module is not None:
        offers = list(_offers(module, contract))
    else:
        owner, _, attribute = name.rpartition(".")
        offers = [(known, builder) for known, builder in _offers_of(owner, contract) if known == attribute]
    lacking = None if offers else next(_unfinished(name, contract), None)
    if lacking is not None:
        missing = ", ".join(sorted(lacking.__abstractmethods__))
        raise Unfinished(f"'{name}': {lacking.__name__} does not define {missing}, as every {contract.__name__} must.")
    if len(offers) != 1:
        raise NotOffered(
            f"'{name}' must name a module with exactly one {contract.__name__}, that class, or a function annotated to "
            f"return one; it offers {', '.join(builder.__name__ for _, builder in offers) or 'none'}."
        )
    return offers[0][1]


def _unfinished(name: str, contract: type) -> Iterator[type[ABC]]:
    """Somebody's own classes behind ``name`` that are abstract still."""
    owner, _, attribute = name.rpartition(".")
    for module, only in ((_imported(name), None), (_imported(owner), attribute)):
        for key, value in vars(module).items() if module else ():
            own = inspect.isabstract(value) and issubclass(value, contract) and value.__module__ in (name, owner)
            if own and only in (None, key):
                yield value


def _imported(module: str) -> ModuleType | None:
    """Somebody's own module; None where there is none of that name.

    Raises:
        UserError: it cannot be imported as it stands.
    """
    try:
        return importlib.import_module(module)
    except Exception as error:  # somebody's code may fail in any way
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            return None
        raise UserError(
            f"Cannot import '{module}': {type(error).__name__}: {first_line(error)}; "
            f"`python -c 'import {module}'` shows where."
        ) from error


def _offers_of(module: str, contract: type) -> Iterator[tuple[str, Builder]]:
    imported = _imported(module)
    if imported is None:
        raise UserError(f"Cannot import '{module}'; is its folder on PYTHONPATH?")
    for value in vars(imported).values():
        if getattr(value, "__module__", None) == module:
            for _, builder in _offers(imported, contract):
                if builder is value:
                    yield value.__name__, value
