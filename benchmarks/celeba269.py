"""The comparison of docs/results.md: every method on real faces, with seeds, intervals and one look at LFW.

    python benchmarks/celeba269.py train --row labels --row cakd --seed 0 --seed 1 [KEY=VALUE ...]
    python benchmarks/celeba269.py table

``train`` skips what is finished, so it can be stopped and started again. ``table`` embeds LFW with every finished run
and prints the table as Markdown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from facedistill.config import load_recipe
from facedistill.data.folder import FolderFaces
from facedistill.data.pairs import Pairs, read_pairs
from facedistill.evaluate.embeddings.embed import Embeddings, embed
from facedistill.evaluate.embeddings.store import load_embeddings, save_embeddings
from facedistill.evaluate.intervals.bootstrap import Difference, Replicates, Statistic, difference, replicate
from facedistill.evaluate.pairs.likeness import likeness
from facedistill.evaluate.pairs.scores import score_all, score_all_between
from facedistill.evaluate.pairs.statistics import accuracy_statistic, tar_statistic
from facedistill.evaluate.settings import Settings
from facedistill.progress import Reporter
from facedistill.teachers.live import open_network
from facedistill.train.run import fit

ROWS = ("labels", "cosine", "proxyless", "urfm", "cakd", "cakd_proxyless")
FIGURES = ("LFW accuracy", "TAR at FAR 1e-3", "TAR at FAR 1e-4", "student query, teacher gallery, TAR at FAR 1e-3")
FARS = Settings().fars

app = typer.Typer(add_completion=False)
Runs = Annotated[Path, typer.Option(help="Folder of the runs.")]


@app.command()
def train(
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...")] = None,
    row: Annotated[list[str] | None, typer.Option(help="Rows to train; all by default.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Seeds; 0 by default.")] = None,
    runs: Runs = Path("runs/celeba269"),
) -> None:
    """Train the rows, seed by seed."""
    for number in seed or [0]:
        for name in row or ROWS:
            out = runs / f"{name}_seed{number}"
            if not (out / "result.json").exists():
                recipe = load_recipe(f"celeba269_{name}", [*(overrides or []), f"seed={number}", f"out={out}"])
                fit(recipe, resume=out.exists())


@app.command()
def table(
    lfw: Annotated[Path, typer.Option(help="LFW crops with pairs.txt.")] = Path("../shared/faces/lfw"),
    teacher: Annotated[Path, typer.Option(help="The teacher.")] = Path("../shared/models/edgeface_xs.onnx"),
    runs: Runs = Path("runs/celeba269"),
    replicates: Annotated[int, typer.Option(help="Of the bootstrap over identities and seeds.")] = 1000,
) -> None:
    """Look at LFW with every finished run and print the table."""
    judge = Judge(lfw, runs / "teacher_lfw", teacher)
    drawn = partial(replicate, identities=judge.identities, replicates=replicates)
    rows = {
        name: [drawn(judge.statistic(run)) for run in sorted(runs.glob(f"{name}_seed*")) if finished(run)]
        for name in ROWS
    }
    rows = {name: models for name, models in rows.items() if models}
    nothing = drawn(lambda weights: np.zeros(len(FIGURES)))
    print("| row | seeds | " + " | ".join(FIGURES) + " |\n|---" + "|---" * (len(FIGURES) + 1) + "|")
    print(line("teacher, EdgeFace-XS", [drawn(judge.of_teacher)], nothing))
    for name, models in rows.items():
        print(line(name, models, nothing))
    print("\nDifference to labels only:\n\n| row | " + " | ".join(FIGURES) + " |\n|---" + "|---" * len(FIGURES) + "|")
    for name, models in rows.items():
        if name != "labels" and "labels" in rows:
            print(f"| {name} | " + " | ".join(verdicts(difference(rows["labels"], models))) + " |")


def finished(run: Path) -> bool:
    return (run / "result.json").exists()


def line(name: str, models: Sequence[Replicates], nothing: Replicates) -> str:
    """One row: mean over seeds, and the interval over identities and seeds."""
    seen = difference([nothing], models)
    cells = [
        f"{100 * m:.2f} ({100 * a:.2f}-{100 * b:.2f})" for m, a, b in zip(seen.mean, seen.low, seen.high, strict=True)
    ]
    return f"| {name} | {len(models)} | " + " | ".join(cells) + " |"


def verdicts(gain: Difference) -> list[str]:
    words = {(True, True): "better", (True, False): "worse"}
    return [
        f"{100 * m:+.2f} ({100 * a:+.2f} to {100 * b:+.2f}) {words.get((sure, m > 0), 'not distinguishable')}"
        for m, a, b, sure in zip(gain.mean, gain.low, gain.high, gain.significant, strict=True)
    ]


@dataclass(frozen=True)
class Judge:
    """LFW, and what the teacher says of it."""

    lfw: Path
    cache: Path
    teacher: Path

    @cached_property
    def faces(self) -> FolderFaces:
        return FolderFaces(self.lfw)

    @cached_property
    def pairs(self) -> Pairs:
        pairs = read_pairs(self.lfw, self.faces)
        assert pairs is not None, f"{self.lfw} has no pairs.txt"
        return pairs

    @property
    def identities(self) -> int:
        return len(self.faces.identities)

    @cached_property
    def enrolled(self) -> np.ndarray:
        return self.embeddings(self.cache, self.teacher).unit

    @cached_property
    def of_teacher(self) -> Statistic:
        return self.figures(self.enrolled)

    def statistic(self, run: Path) -> Statistic:
        return self.figures(self.embeddings(run / "lfw", run).unit)

    def embeddings(self, cache: Path, network: Path) -> Embeddings:
        """Of LFW, image and mirror image summed; kept beside the run."""
        if not cache.exists():
            with Reporter() as report:
                said = str(network)
                seen = embed(open_network(network), self.faces, report=lambda done, of: report(said, done, of))
            save_embeddings(cache, seen, self.faces)
        return load_embeddings(cache)[0]

    def figures(self, unit: np.ndarray) -> Statistic:
        """FIGURES as a function of how often each identity counts."""
        labels = self.faces.labels
        parts = (
            accuracy_statistic(likeness(unit, unit, self.pairs).distances, labels, self.pairs),
            tar_statistic(score_all(unit, labels, keep=4 * max(FARS)), FARS),
            tar_statistic(score_all_between(unit, self.enrolled, labels, keep=4 * max(FARS)), FARS[:1]),
        )
        return lambda weights: np.concatenate([part(weights) for part in parts])


if __name__ == "__main__":
    app()
