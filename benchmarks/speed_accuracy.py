"""Whether a faster step teaches as well: the demonstration's CNN on drawn people, at several speeds and seeds.

    python benchmarks/speed_accuracy.py [--seeds 3] [--epochs 3] [--people 60]

People kept out of training judge. What is printed is the mean over seeds, and the 95 % interval (Student's t) of the
difference to ``off`` at the same seed: one that holds nought says that no difference was found.
"""

import tempfile
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from facedistill.config import load_recipe
from facedistill.recipe import Recipe
from facedistill.train.assemble import Sets, load_faces, resolve
from facedistill.train.run import fit

SPEEDS = {
    "off": "off",
    "bf16": "{precision: bf16, fused: true}",
    "fp32, NCHW": "{channels_last: false, fused: true}",
}
T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}
"""Student's t at 97.5 %, by the number of seeds."""


def main(
    seeds: Annotated[int, typer.Option(help="Trainings of each speed.", min=2, max=10)] = 3,
    epochs: Annotated[int, typer.Option(help="Of each training.")] = 3,
    people: Annotated[int, typer.Option(help="Kept out of training, to judge.")] = 60,
) -> None:
    """Print a line a figure and speed."""
    with tempfile.TemporaryDirectory() as folder:
        said = {
            name: [_validation(Path(folder) / name / str(seed), speed, seed, epochs, people) for seed in range(seeds)]
            for name, speed in SPEEDS.items()
        }
    for figure in said["off"][0]:
        base = np.array([one[figure] for one in said["off"]])
        for name, runs in said.items():
            values = np.array([one[figure] for one in runs])
            change = values - base
            half = T_95[seeds] * change.std(ddof=1) / np.sqrt(seeds)
            print(f"{figure:28s} {name:11s} {values.mean():8.4f}  difference {change.mean():+.4f} +- {half:.4f}")


def _validation(out: Path, speed: str, seed: int, epochs: int, people: int) -> dict[str, float]:
    changes = [
        f"out={out}",
        f"seed={seed}",
        f"training.speed={speed}",
        f"training.epochs={epochs}",
        f"data.validation_identities={people}",
        "training.device=cpu",
        "training.validate_every=1000",
    ]
    recipe = load_recipe("demo_labels", changes)
    found: dict[str, float] = fit(recipe, load=lambda recipe: _faces(people))["validation"]
    return found


@cache
def _faces(people: int) -> Sets:
    """Drawn once: all runs have the same people."""
    recipe: Recipe = load_recipe("demo_labels", [f"data.validation_identities={people}"])
    return load_faces(resolve(recipe))


if __name__ == "__main__":
    typer.run(main)
