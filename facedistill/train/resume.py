"""Going on with a run: whether it is of this recipe, these faces and these processes, and not finished already."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ..config import dump_recipe
from ..errors import UserError
from ..recipe import Recipe
from ..signature import validated
from ..speed.choices import Speed
from .assemble import resolve

FREE = frozenset({"out", "data.workers", "training.device", "training.tensorboard", "training.validate_every"})
"""Keys that may change: where a run happens and what it shows, not what it computes."""


def check_same(recipe: Recipe) -> None:
    """Refuse to go on with what another recipe began.

    Args:
        recipe: resolved.

    Raises:
        UserError: there is no run in ``recipe.out``, or its recipe differs; the keys are named.
    """
    file = recipe.out / "config.yaml"
    if not file.is_file():
        raise UserError(f"There is no run in {recipe.out} to resume; start it without --resume.")
    # One of an older version lacks keys, and options of its parts.
    began = resolve(validated(Recipe, yaml.safe_load(file.read_text()), file.name))
    unlike = differing(yaml.safe_load(dump_recipe(began)), yaml.safe_load(dump_recipe(recipe)))
    if unlike:
        named = ", ".join(unlike[:4]) + (", ..." if len(unlike) > 4 else "")
        raise UserError(f"{recipe.out} was begun with another {named}; change that back, or choose another out=.")


def check_setting(began: Mapping[str, int], now: Mapping[str, int], out: Path) -> None:
    """Refuse other faces: each batch would hold other samples than it should.

    Raises:
        UserError: names what was what.
    """
    changed = [f"{began.get(name)} {name}, not {now[name]}" for name in now if began.get(name) != now[name]]
    if changed:
        raise UserError(
            f"{out} was begun with {' and '.join(changed)}; go on with the same data, or choose another out=."
        )


def share(batch: int, processes: int, world: int) -> int:
    """What each of ``world`` processes takes of a batch that was meant for ``processes``, of ``batch`` samples each.

    All batches stay the same, sample for sample.

    Raises:
        UserError: they cannot be shared evenly.
    """
    if batch * processes % world:
        raise UserError(
            f"{world} processes cannot share a batch of {batch * processes} evenly, which this run began with; choose "
            "another --nproc-per-node of torchrun."
        )
    return batch * processes // world


def differing(began: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Keys in which two recipes differ, as plain values, but for those that are ``FREE``."""
    flat_began, flat_now = dict(_flat(began)), dict(_flat(now))
    return [
        key
        for key in sorted(flat_began.keys() | flat_now.keys())
        if flat_began.get(key) != flat_now.get(key) and key not in FREE
    ]


def kept_speed(folder: Path) -> Speed | None:
    """How the steps of a run were computed when it began, or None where it has not."""
    file = folder / "environment.json"
    told = json.loads(file.read_text()).get("speed") if file.is_file() else None
    return None if told is None else Speed.model_validate(told)


def result_of(folder: Path) -> dict[str, Any] | None:
    """What a finished run said, or None where it has not finished.

    Raises:
        UserError: what it said is not whole.
    """
    file = folder / "result.json"
    try:
        return json.loads(file.read_text()) if file.is_file() else None
    except ValueError:
        raise UserError(f"{file} is not whole; remove it, and --resume writes it again.") from None


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield path, value
        return
    for key, inner in value.items():
        yield from _flat(inner, f"{path}.{key}" if path else str(key))
