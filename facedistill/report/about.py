"""What was trained, in the words of a table, and the commands that do it again."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from ..backbones.contract import AbstractBackbone
from ..signature import Options, one
from ..speed.choices import Speed
from .run import FinishedRun

Row = tuple[str, str]


def trained(run: FinishedRun, network: AbstractBackbone) -> Iterator[Row]:
    """Network, lesson, faces and budget."""
    recipe = run.recipe
    yield "network", _choice(recipe.model)
    yield "weights", f"{sum(weight.numel() for weight in network.parameters()):,}"
    yield "its pixels", network.preprocess.words
    yield "embedding", f"{network.spec.embedding} numbers"
    yield from _lesson(run)
    yield "faces", faces_of(run)
    training = recipe.training
    yield "budget", f"epochs {training.epochs}, batch {training.batch}, seed {recipe.seed}, {_precision(run)}"
    yield "optimiser", f"{_choice(recipe.optimiser)}; rate: {_choice(recipe.schedule)}"
    yield "took", took(run)


def _precision(run: FinishedRun) -> str:
    """What it computed in; runs of older versions noted it in the recipe only."""
    chosen = run.recipe.training.speed
    noted = run.environment.get("speed", {}).get("precision")
    return noted or (chosen.precision if isinstance(chosen, Speed) else "fp32")


def _lesson(run: FinishedRun) -> Iterator[Row]:
    recipe = run.recipe
    if recipe.teacher is not None:
        yield "teacher", _choice(recipe.teacher)
    for name, options in recipe.method.items():
        weights = {term: weight for term, weight in recipe.weights.items() if term.startswith(f"{name}.")}
        yield "learns by", f"{_choice({name: options})}{f'; weights {_listed(weights)}' if weights else ''}"
    yield "labels", "not learned from" if recipe.head is None else _choice(recipe.head)


def faces_of(run: FinishedRun) -> str:
    """How many faces of how many people, and whose; of a path its last part."""
    data, result = run.recipe.data, run.result
    source = "drawn by the project" if data.root is None else data.root.name
    return f"{result['images']:,} of {result['identities']:,} people, {source}"


def took(run: FinishedRun) -> str:
    """How long the training was, and how fast."""
    speeds = [line["images_per_s"] for line in run.log if "images_per_s" in line]
    speed = f", {median(speeds):,.0f} images a second" if speeds else ""
    return f"{run.result['training_s']:,.0f} s{speed}"


def environment(run: FinishedRun) -> Iterator[Row]:
    """Versions and machine, as the run noted them."""
    told: Mapping[str, Any] = run.environment
    yield from told.get("packages", {}).items()
    for key in ("python", "platform", "device", "device_name", "threads", "processes"):
        if told.get(key):
            yield key.replace("_", " "), str(told[key])


def again(run: FinishedRun) -> str:
    """The command that trains such a network once more."""
    return shlex.join(["facedistill", run.verb, str(run.folder / "config.yaml"), f"out={_another(run.folder)}"])


def _another(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}_again")


def _choice(choice: Options) -> str:
    """A part of a recipe with what was said of it, without paths to anywhere but their ends."""
    name, options = one(choice, "recipe")
    said = {key: value for key, value in options.items() if value is not None}
    return f"{name}{f' ({_listed(said)})' if said else ''}"


def _listed(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_short(value)}" for key, value in options.items())


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(_choice({name: options or {}}) for name, options in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    return Path(value).name if isinstance(value, str) and "/" in value else str(value)
