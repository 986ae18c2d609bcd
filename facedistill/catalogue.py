"""Where names in a recipe come from: a file in a folder of the package, or a dotted name in somebody's own.

A file offers the concrete subclasses of its folder's contract under the file's name (one file, one idea), and
functions that return such a class under their own name (``backbones/vit.py`` offers ``vit_s``, ``vit_b``, ...).
Nothing is registered.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any, get_origin, get_type_hints

from .errors import UserError, unknown

Builder = Callable[..., Any]


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
    result = get_type_hints(function).get("return")
    # Python 3.10 takes dict[str, int] for a class.
    return get_origin(result) is None and inspect.isclass(result) and issubclass(result, contract)


def _import_dotted(name: str, contract: type) -> Builder:
    try:
        offers = list(_offers(importlib.import_module(name), contract))
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        owner, _, attribute = name.rpartition(".")
        offers = [(known, builder) for known, builder in _offers_of(owner, contract) if known == attribute]
    if len(offers) != 1:
        raise UserError(
            f"'{name}' must name a module with exactly one {contract.__name__}, or that class or function itself; "
            f"it offers {', '.join(builder.__name__ for _, builder in offers) or 'none'}."
        )
    return offers[0][1]


def _offers_of(module: str, contract: type) -> Iterator[tuple[str, Builder]]:
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError:
        raise UserError(f"Cannot import '{module}'; is its folder on PYTHONPATH?") from None
    for value in vars(imported).values():
        if getattr(value, "__module__", None) == module:
            for _, builder in _offers(imported, contract):
                if builder is value:
                    yield value.__name__, value
