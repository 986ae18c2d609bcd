"""The demonstration: the whole job in minutes, on drawn faces that show nobody.

A Transformer learns to recognise people; a CNN learns the same people from labels only, a second inherits the
Transformer's classifier (ProxylessKD), a third learns from its local features and embeddings (CAKD: URFM + APT). All
four are judged on people whom none has seen. The trainings are ordinary recipes, ``demo_teacher`` and so on.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from .backbones.load import load_backbone
from .config import load_recipe
from .data.contract import AbstractFaces
from .errors import UserError
from .evaluate.embeddings.embed import Embeddings, embed
from .evaluate.intervals.bootstrap import Statistic, paired_difference
from .evaluate.pairs.figures import all_pairs_figures
from .evaluate.pairs.listed import listed_pairs
from .evaluate.pairs.scores import score_all
from .evaluate.pairs.statistics import tar_statistic
from .evaluate.settings import Figures, Settings
from .files import write_text
from .page import PAGE
from .progress import Reporter
from .protocols.verification import embedding_figures
from .recipe import Recipe
from .report.findings import Beside, examine
from .report.people import drawn_people
from .report.people import strangers as draw_strangers
from .report.run import open_run
from .report.write import write_page
from .signature import one
from .train.assemble import Sets, load_faces, resolve
from .train.checkpoint import checkpoints
from .train.resume import result_of
from .train.run import fit

RUNS = {
    "teacher": "teacher (ViT)",
    "labels": "labels only",
    "proxyless": "ProxylessKD",
    "cakd": "CAKD + embedding",
}
"""Run folders in the order of training, and what is in each; ``demo_<run>`` is the recipe."""
TEACHER, BASELINE, TOLD = "teacher", "labels", "cakd"
"""Whom the students learn from, what they are compared with, and the run that the page is of."""

SETTINGS = Settings(fars=(1e-2, 1e-3), replicates=500)


def demonstrate(
    out: Path,
    *,
    recipes: Mapping[str, Recipe] | None = None,
    strangers: AbstractFaces | None = None,
    settings: Settings = SETTINGS,
) -> Figures:
    """Train, judge, write ``<out>/result.json`` and ``<out>/report.html``, and return what the first says.

    What an earlier call finished is kept, and what it was stopped in goes on from its checkpoint.

    Args:
        out: folder of the runs; each recipe's own ``out`` and its teacher's weights are put below it.
        recipes: one for each of ``RUNS``; those of the package by default.
        strangers: people to judge by; by default drawn ones whom no recipe trains on.

    Raises:
        UserError: ``out`` holds runs of other recipes, or one that was stopped before its first checkpoint.
    """
    recipes = recipes or {run: load_recipe(f"demo_{run}") for run in RUNS}
    placed = {run: resolve(_placed(recipe, run, out)) for run, recipe in recipes.items()}
    _train(placed)
    result, page = result_of(out), out / PAGE
    if result is not None and page.exists():
        return result
    faces = strangers or draw_strangers(placed[BASELINE])
    if result is None:
        result = _judged(placed, faces, settings)
        write_text(out / "result.json", json.dumps(result, indent=2) + "\n")
    if not page.exists():
        _tell(out, faces, settings)
    return result


def _placed(recipe: Recipe, run: str, out: Path) -> Recipe:
    """The recipe with its run, and the teacher it learns from, below ``out``."""
    changes: dict[str, Any] = {"out": out / run}
    if recipe.teacher is not None:
        name, options = one(recipe.teacher, "teacher")
        changes["teacher"] = {name: {**options, "weights": str(out / TEACHER)}}
    return recipe.model_copy(update=changes)


def _train(recipes: Mapping[str, Recipe]) -> None:
    console, load = Console(stderr=True), _sharing()
    for number, (run, recipe) in enumerate(recipes.items(), 1):
        console.print(f"{number} of {len(recipes)}  {RUNS[run]}", highlight=False)
        fit(recipe, resume=_begun(recipe.out), load=load)


def _begun(folder: Path) -> bool:
    """Whether there is a run to go on with.

    Raises:
        UserError: there is one, and it was stopped too early for that.
    """
    if folder.exists() and not checkpoints(folder / "checkpoints"):
        raise UserError(f"{folder} was stopped before its first checkpoint; remove that folder and start again.")
    return folder.exists()


def _sharing() -> Callable[[Recipe], Sets]:
    """Loads faces once for all recipes that name the same."""
    loaded: dict[str, Sets] = {}

    def load(recipe: Recipe) -> Sets:
        wanted = recipe.data.model_dump_json(exclude={"views", "workers"})
        if wanted not in loaded:
            loaded[wanted] = load_faces(recipe)
        return loaded[wanted]

    return load


def _judged(recipes: Mapping[str, Recipe], faces: AbstractFaces, settings: Settings) -> Figures:
    seen, pairs = _embedded(recipes, faces, settings), listed_pairs(faces.labels)
    networks = {}
    for run, recipe in recipes.items():
        alone = embedding_figures(seen[run], faces.labels, pairs, settings)
        across = all_pairs_figures(seen[run].unit, seen[TEACHER].unit, faces.labels, settings)
        networks[run] = {**_about(recipe), **alone, "teacher_gallery": across["tar_at_far"]}
    return {"people": len(faces.identities), "networks": networks, "differences": _differences(seen, faces, settings)}


def _embedded(recipes: Mapping[str, Recipe], faces: AbstractFaces, settings: Settings) -> dict[str, Embeddings]:
    with Reporter() as report:

        def embedded(run: str, recipe: Recipe) -> Embeddings:
            network = load_backbone(recipe.out)
            return embed(network, faces, flip=settings.flip, report=lambda done, of: report(f"judging {run}", done, of))

        return {run: embedded(run, recipe) for run, recipe in recipes.items()}


def _tell(out: Path, faces: AbstractFaces, settings: Settings) -> None:
    """The page of what the demonstration is about, beside its teacher and the student that had none."""
    run, against = out / TOLD, out / BASELINE
    with Reporter() as report:
        findings = examine(open_run(run), drawn_people(faces), Beside(against), report, settings)
    command = ["facedistill", "report", str(run), "--against", str(against)]
    write_page(findings, out / PAGE, command=command)


def _about(recipe: Recipe) -> Figures:
    trained = json.loads((recipe.out / "result.json").read_text())
    weights = sum(parameter.numel() for parameter in load_backbone(recipe.out).parameters())
    return {"model": recipe.model, "weights": weights, "training_s": trained["training_s"]}


def _differences(seen: Mapping[str, Embeddings], faces: AbstractFaces, settings: Settings) -> Figures:
    """What every other network has more than labels only gave, at each FAR."""
    tar = {run: tar_statistic(score_all(of.unit, faces.labels), settings.fars) for run, of in seen.items()}
    return {
        run: _difference(tar[BASELINE], tar[run], len(faces.identities), settings) for run in seen if run != BASELINE
    }


def _difference(baseline: Statistic, other: Statistic, people: int, settings: Settings) -> Figures:
    found = paired_difference([baseline], [other], people, replicates=settings.replicates, seed=settings.seed)
    rows = zip(settings.fars, found.mean, found.low, found.high, found.significant, strict=True)
    return {
        f"{far:g}": {"tar": float(mean), "interval": [float(low), float(high)], "significant": significant}
        for far, mean, low, high, significant in rows
    }
