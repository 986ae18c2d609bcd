"""``inspect``: what the stages of a teacher and a student see, and which of them fit together."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ..files import refuse_existing
from .options import AsJson, Overrides
from .show import print_table


def inspect(
    subject: Annotated[str, typer.Argument(metavar="RUN_OR_RECIPE", help="A run folder, or a recipe not yet run.")],
    overrides: Overrides = None,
    out: Annotated[Path, typer.Option(help="Folder for the pictures and inspect.json; it must not exist.")] = Path(
        "inspect"
    ),
    faces: Annotated[Path | None, typer.Option(help="Aligned faces to look with; without them, drawn ones.")] = None,
    count: Annotated[int, typer.Option(min=32, help="How many faces.")] = 128,
    as_json: AsJson = False,
) -> None:
    """Draw what every stage of teacher and student sees, and suggest pairs to align."""
    refuse_existing(out, "folder")
    from ..inspect.faces import sample
    from ..inspect.folder import save
    from ..inspect.look import look
    from ..progress import Reporter

    subjects = _subjects(subject, overrides or [])
    images = sample(_faces(faces, count), count)
    with Reporter() as report:
        seen = look(subjects, images, report)
    save(out, seen)
    figures = seen.figures()
    if as_json:
        print(json.dumps(figures, indent=2))
        return
    _show(figures, out)


def _subjects(subject: str, overrides: list[str]) -> Any:
    from ..config import load_recipe
    from ..inspect.subjects import open_subjects
    from ..train.assemble import resolve
    from ..train.checkpoint import checkpoints

    folder = Path(subject)
    if not folder.is_dir():
        return open_subjects(resolve(load_recipe(subject, overrides)))
    # A run that was moved still is the run in this folder.
    recipe = resolve(load_recipe(folder / "config.yaml", overrides)).model_copy(update={"out": folder})
    saved = checkpoints(folder / "checkpoints")
    return open_subjects(recipe, saved[0] / "objective.safetensors" if saved else None)


def _faces(path: Path | None, count: int) -> Any:
    """Those at ``path``, or two drawn pictures each of half as many people."""
    from ..data.open import open_any
    from ..data.synthetic import DrawnFaces

    if path is None:
        return DrawnFaces(identities=-(-count // 2), images_per_identity=2)
    return open_any(path)


def _show(figures: dict[str, Any], out: Path) -> None:
    print_table(
        "",
        ("stage", "cells", "theoretical field, px", "effective radius, px", "looks beside its place by, px"),
        [
            (
                f"{whose} {each['stage']}",
                _by(each["grid"]),
                _by(each["theoretical_px"]),
                f"{each['effective_radius_px']:.1f}",
                f"{each['offset_px']:.1f}",
            )
            for whose in ("teacher", "student")
            for each in figures[whose]
        ],
    )
    rows = [(each["recipe"], f"{each['score']:.2f}", each["reason"]) for each in figures["suggested"]]
    print_table("Stages that fit each other, the first to try first", ("in a recipe", "score", "why"), rows)
    for sentence in _remarks(figures):
        print(sentence)
    print(f"{out}: pictures and inspect.json.")


def _remarks(figures: dict[str, Any]) -> Iterator[str]:
    """What a reader of the figures should know about them."""
    if not figures["suggested"]:
        yield "No stages order these faces alike, so no pair is suggested."
    if not figures["student_trained"]:
        yield "The student is as training begins with it: its effective radii and CKA will change."
    if figures["local_centres"] is None:
        yield "No trained URFM is part of this, so there is no picture of local centres."
    else:
        own, wanted = (f"{figures['local_centres'][whose]['variety']:.1%}" for whose in ("student", "teacher"))
        yield (
            f"What a local centre reads differs from the mean of all centres by {own} in the student and {wanted} in "
            "the teacher; near 0 % all of them read one average of the face."
        )


def _by(sides: list[Any]) -> str:
    return " x ".join(f"{side:.0f}" for side in sides)
