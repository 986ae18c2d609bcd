"""Runtimes that may be absent."""

import importlib

from ..errors import UserError


def check_importable(runtime: str, extra: str, *modules: str) -> None:
    """Refuse to go on without the packages of a runtime.

    Raises:
        UserError: one is missing; the line installs all of ``extra``.
    """
    for name in modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            raise UserError(f"{runtime} needs {name}; install it with: pip install 'facedistill[{extra}]'") from None
