"""``store``: a teacher's answers, written once for all trainings that show the same views."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..errors import UserError
from .options import AsJson, Overrides, RecipeName
from .show import print_table, short

store_app = typer.Typer(no_args_is_help=True, help="Keep a teacher's answers, so that training need not ask again.")

StoreFolder = Annotated[Path, typer.Argument(metavar="STORE", help="A folder that `store build` has made.")]


@store_app.command("build")
def store_build(
    recipe: RecipeName,
    overrides: Overrides = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the store; that of the recipe's teacher 'stored' where it has one.")
    ] = None,
    hold: Annotated[
        str | None,
        typer.Option(metavar="ANSWER,...", help="embedding, stages or stages:-2 [what the recipe's methods read]."),
    ] = None,
    dtype: Annotated[Literal["fp16", "int8"], typer.Option(help="int8 takes half the space.")] = "fp16",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say size and time; write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask a recipe's teacher about every view that its student will see, and keep the answers.

    After a kill the same command goes on.
    """
    from ..config import load_recipe
    from ..progress import Display
    from ..store.build import build_store, check_room
    from ..store.plan import plan_store, store_of

    loaded = load_recipe(recipe, overrides or [])
    folder = out or store_of(loaded)
    if folder is None:
        raise UserError("Where shall the store be? Give --out STORE.")
    plan = plan_store(loaded, hold=[each.strip() for each in (hold or "").split(",") if each.strip()], dtype=dtype)
    check_room(plan.header, folder)
    _say_plan(plan, folder, as_json)
    if dry_run:
        return
    try:
        with Display(plan.header.layout.answers, title=folder.name) as display:
            build_store(plan, folder, _with_rate(display.advance))
    except KeyboardInterrupt:
        print("Stopped. The same command goes on where it was.", file=sys.stderr)
        raise SystemExit(130) from None
    print(f"{folder} is whole. In a recipe: teacher: {{stored: {{path: {folder}}}}}", file=sys.stderr)


@store_app.command("verify")
def store_verify(
    store: StoreFolder,
    overrides: Overrides = None,
    sample: Annotated[int, typer.Option(min=0, help="Answers to ask the teacher for again; 0 none.")] = 256,
    as_json: AsJson = False,
) -> None:
    """Read every bit of a store, and ask its teacher again for some of it; exit code 1 if anything is wrong.

    KEY=VALUE changes the recipe that the store was built with, where faces or weights have moved.
    """
    from ..config import read_overrides
    from ..progress import Display
    from ..recipe import Recipe
    from ..signature import validated
    from ..store.header import read_header
    from ..store.verify import verify_store

    blocks = read_header(store).layout.block_count
    with Display(blocks, title=f"reading {store.name}") as display:
        verdict = verify_store(
            store,
            lambda values: validated(Recipe, read_overrides(overrides or [], values), ""),
            sample=sample,
            progress=display.advance,
        )
    if as_json:
        print(json.dumps(verdict.as_dict(), indent=2))
    else:
        _say_verdict(store, verdict)
    if not verdict.trustworthy:
        raise Untrustworthy(f"{store} is not what it says; build it again.")


class Untrustworthy(UserError):
    """A store that must not be used."""

    exit_code = 1


@store_app.command("inspect")
def store_inspect(store: StoreFolder, as_json: AsJson = False) -> None:
    """Say what a store holds, and of what."""
    from ..store.header import read_header

    header = read_header(store)
    layout, teacher = header.layout, header.of["teacher"]
    rows: dict[str, Any] = {
        "answers": header.held,
        "dtype": header.dtype,
        "faces": layout.samples,
        "pictures of each": layout.pictures,
        "bytes an answer": layout.row_bytes,
        "bytes": layout.total_bytes,
        "teacher": teacher["choice"],
        "weights": teacher["files"],
        "preprocessing": teacher["preprocess"],
        "seed": header.of["shown"]["seed"],
        "views": header.of["shown"]["views"],
        "mix": header.of["shown"]["mix"],
        "faces' digest": header.of["faces"],
    }
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        print_table(str(store), ("what", "value"), [(name, short(value)) for name, value in rows.items()])


def _say_plan(plan: Any, folder: Path, as_json: bool) -> None:
    layout = plan.header.layout
    rows: dict[str, Any] = {
        "answers": plan.header.held,
        "dtype": plan.header.dtype,
        "faces": layout.samples,
        "pictures of each": layout.pictures,
        "bytes an answer": layout.row_bytes,
        "bytes": layout.total_bytes,
        "images_per_s": plan.images_per_s,
        "seconds": plan.seconds,
    }
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        print_table(str(folder), ("what", "value"), [(name, short(value)) for name, value in rows.items()])


def _with_rate(advance: Callable[[int, str], None]) -> Callable[[int], None]:
    """Says images a second of this call beside how many are done."""
    begun: list[tuple[int, float]] = []

    def told(done: int) -> None:
        begun.append((done, time.monotonic()))
        (first, start), (_, now) = begun[0], begun.pop() if len(begun) > 1 else begun[0]
        advance(done, f"{(done - first) / (now - start):.0f} images/s" if now > start else "")

    return told


def _say_verdict(store: Path, verdict: Any) -> None:
    for words in verdict.damaged:
        print(f"damaged: {words}")
    columns = ("1 - cos", *next(iter(verdict.gaps.values()), {}))
    rows = [(answer, *(f"{gap:.1e}" for gap in gaps.values())) for answer, gaps in verdict.gaps.items()]
    if rows:
        print_table(f"{store}: {verdict.asked} answers asked again", columns, rows)
