"""The demonstration: the whole job in minutes, on drawn faces that show nobody.

A Transformer learns to recognise people; a CNN learns the same people from labels only, a second inherits the
Transformer's classifier (ProxylessKD), a third learns from its local features and embeddings (CAKD: URFM + APT). All
four are judged on people whom none has seen. The trainings are ordinary recipes, ``demo_teacher`` and so on.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rich.console import Console, Group
from rich.table import Table

from .backbones.load import load_backbone
from .config import Recipe, load_recipe, one
from .data.contract import AbstractFaces
from .data.synthetic import DrawnFaces
from .data.verified import Verified
from .errors import UserError
from .evaluate.embeddings.embed import Embeddings, embed
from .evaluate.intervals.bootstrap import Statistic, paired_difference
from .evaluate.pairs.figures import all_pairs_figures
from .evaluate.pairs.listed import listed_pairs
from .evaluate.pairs.scores import score_all
from .evaluate.pairs.statistics import tar_statistic
from .evaluate.settings import Figures, Settings
from .files import write_text
from .progress import Display, Reporter
from .protocols.verification import embedding_figures
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
TEACHER, BASELINE = "teacher", "labels"

STRANGERS = {"identities": 80, "images_per_identity": 10, "seed": 1000}
"""Drawn people to judge by; the recipes draw theirs from another seed."""
SETTINGS = Settings(fars=(1e-2, 1e-3), replicates=500)

NOTES = (
    "The teacher is a Transformer, the others one and the same small CNN. Accuracy: ten folds, as many pairs of one "
    "person as of two. Against the teacher's gallery: TAR at the first FAR where one picture is seen by the network "
    "and the other by the teacher. Intervals and verdicts are over people; each network was trained once, and another "
    "seed would differ as well."
)

Row = tuple[str, ...]


def demonstrate(
    out: Path,
    *,
    recipes: Mapping[str, Recipe] | None = None,
    strangers: AbstractFaces | None = None,
    settings: Settings = SETTINGS,
) -> Figures:
    """Train, judge, write ``<out>/result.json``, and return what it says.

    What an earlier call finished is kept, and what it was stopped in goes on from its checkpoint.

    Args:
        out: folder of the runs; each recipe's own ``out`` and its teacher's weights are put below it.
        recipes: one for each of ``RUNS``; those of the package by default.
        strangers: people to judge by; ``STRANGERS`` by default.

    Raises:
        UserError: ``out`` holds runs of other recipes, or one that was stopped before its first checkpoint.
    """
    recipes = recipes or {run: load_recipe(f"demo_{run}") for run in RUNS}
    placed = {run: resolve(_placed(recipe, run, out)) for run, recipe in recipes.items()}
    _train(placed)
    if (done := result_of(out)) is not None:
        return done
    result = _judged(placed, strangers or _strangers(placed[BASELINE]), settings)
    write_text(out / "result.json", json.dumps(result, indent=2) + "\n")
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


def _strangers(recipe: Recipe) -> AbstractFaces:
    """Other people, drawn as those of the recipe."""
    drawn = DrawnFaces(**{**(recipe.data.drawn or {}), **STRANGERS})
    with Display(len(drawn), title="drawing strangers") as display:
        return Verified(drawn, progress=display.advance)


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


def tables(result: Figures) -> Group:
    """For people: what each network can do, alone and against the teacher's gallery, and what teaching added."""
    fars = [f"TAR at FAR {100 * float(far):g}%" for far in result["networks"][BASELINE]["tar_at_far"]]
    title = f"{result['people']} drawn people whom no network has seen: percent, with 95 % intervals"
    alone = _table(title, ["", "accuracy", *fars, "against the teacher's gallery"], _alone(result["networks"]))
    more = _table("More than the CNN from labels only, in points", ["", *fars], _more(result["differences"]))
    return Group(alone, more, NOTES)


def _alone(networks: Figures) -> Iterator[Row]:
    for run, figures in networks.items():
        points = [*figures["tar_at_far"].values(), next(iter(figures["teacher_gallery"].values()))]
        tars = (_cell(point["tar"], point["tar_interval"]) for point in points)
        yield RUNS[run], _cell(figures["accuracy"], figures["accuracy_interval"]), *tars


def _more(differences: Figures) -> Iterator[Row]:
    for run, points in differences.items():
        yield RUNS[run], *(f"{_cell(p['tar'], p['interval'], '+')}\n{_verdict(p)}" for p in points.values())


def _verdict(difference: Figures) -> str:
    if not difference["significant"]:
        return "not distinguishable"
    return "better" if difference["tar"] > 0 else "worse"


def _cell(share: float, ends: Sequence[float], sign: Literal["", "+"] = "") -> str:
    value, low, high = (f"{100 * number:{sign}.1f}" for number in (share, *ends))
    return f"{value}\n{low} to {high}"


def _table(title: str, columns: Sequence[str], rows: Iterable[Row]) -> Table:
    table = Table(title=title, title_justify="left", show_lines=True)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    return table
