"""The signature is the configuration: a choice in a recipe, checked against what it names, and built.

A *choice* is ``{name: {option: value}}`` or a bare ``name``. Its name comes from the catalogue, its options are the
keyword-only parameters of whatever the name builds.
"""

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from .catalogue import Builder, find
from .errors import UserError, unknown

Options = dict[str, Any]
Choice = dict[str, Options]
"""Exactly one name, with its options."""


def build(package: str, contract: type, choice: Mapping[str, Any] | str, **context: Any) -> Any:
    """What ``choice`` names in ``facedistill.<package>``, built.

    Parameters that the builder takes by position are filled from ``context`` by name; its keyword-only parameters
    are the choice's options.

    Raises:
        UserError: unknown name, unknown option or a value of the wrong type.
    """
    name, options = one(choice, package)
    return call(find(package, contract, name), options, where=name, **context)


def call(builder: Builder, options: Mapping[str, Any], *, where: str, **context: Any) -> Any:
    """Call ``builder`` with checked ``options`` and what it asks for out of ``context``.

    Raises:
        UserError: as ``checked``, or it asks for what is not in ``context``.
    """
    asked = context_of(builder)
    missing = [name for name in asked if name not in context]
    if missing:
        raise UserError(f"'{where}' learns from a teacher, and there is none; add 'teacher' to the recipe.")
    return builder(*(context[name] for name in asked), **checked(builder, options, where=where))


def context_of(builder: Builder) -> list[str]:
    """What ``builder`` must know about its surroundings, by name: its positional parameters."""
    return [name for name, parameter in _parameters(builder).items() if parameter.kind in _POSITIONAL]


def checked(builder: Builder, options: Mapping[str, Any], *, where: str) -> Options:
    """``options`` with their types checked and every default filled in.

    Raises:
        UserError: unknown option (the nearest is named), one missing, or a value of the wrong type.
    """
    model = _options_of(builder)
    result = validated(model, options, where)
    return {name: getattr(result, name) for name in model.model_fields}


def one(choice: object, where: str) -> tuple[str, Options]:
    """The name and the options of a choice.

    Raises:
        UserError: not exactly one name.
    """
    if isinstance(choice, str):
        return choice, {}
    if not isinstance(choice, Mapping) or len(choice) != 1:
        raise UserError(f"'{where}' takes one name with its options, as in {{name: {{...}}}}; it has {choice!r}.")
    name, options = next(iter(choice.items()))
    if not isinstance(options or {}, Mapping):
        raise UserError(f"'{where}.{name}' takes options, as in {{{name}: {{option: value}}}}; it has {options!r}.")
    return str(name), dict(options or {})


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@cache
def _parameters(builder: Builder) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(builder).parameters


@cache
def _options_of(builder: Builder) -> type[BaseModel]:
    hints = get_type_hints(builder.__init__ if inspect.isclass(builder) else builder)
    fields: dict[str, Any] = {
        name: (hints.get(name, Any), ... if parameter.default is inspect.Parameter.empty else parameter.default)
        for name, parameter in _parameters(builder).items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    return create_model(builder.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def validated(model: type[BaseModel], values: Mapping[str, Any], where: str) -> Any:
    """``model`` made of ``values``.

    Raises:
        UserError: the first thing wrong, with its place below ``where``; an unknown key comes with the nearest one.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise _sentence(error, model, where) from None


_WHY = {
    "dict_type": "it takes keys and values, such as {name: value}",
    "model_type": "it takes keys and values, such as {name: value}",
    "too_short": "it needs at least one",
    "tuple_type": "it takes a list, such as [0, 1]",
}
"""Where the checker speaks of Python."""


def _sentence(error: ValidationError, model: type[BaseModel], where: str) -> UserError:
    """One sentence: an unknown key before all else, since what is missing may be that key, misspelt."""
    errors = error.errors()
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    path = [str(part) for part in first["loc"]]
    place = ".".join(part for part in [where, *path[:-1]] if part)
    if first["type"] == "extra_forbidden":
        return unknown("key", path[-1], _fields_at(model, path[:-1]), place or f"the {model.__name__.lower()}")
    if first["type"] == "missing":
        return UserError(
            f"'{'.'.join(filter(None, [place, path[-1]]))}' is missing; give it in the file or as key=value."
        )
    if first["type"] == "value_error":
        return UserError(str(first["ctx"]["error"]))
    name = ".".join(part for part in [where, *path] if part)
    why = _WHY.get(first["type"], first["msg"][:1].lower() + first["msg"][1:])
    return UserError(f"'{name}' cannot be {first['input']!r}: {why}.")


def _fields_at(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    for part in path:
        inner = model.model_fields[part].annotation
        # Python 3.10 takes dict[str, int] for a class.
        if get_origin(inner) is not None or not (inspect.isclass(inner) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)
