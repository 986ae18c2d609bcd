"""``report``: a run as one page."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import check_new_file

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `train` or `distill` has filled.")]
Against = Annotated[Path | None, typer.Option(help="Another run, safetensors or ONNX file to stand beside it.")]
Data = Annotated[Path | None, typer.Option(help="People to judge by, a folder for each [drawn ones].")]
Of = Annotated[Path | None, typer.Option(help="What was exported from the run, to be timed and compared with it.")]
ShowFaces = Annotated[bool, typer.Option("--show-faces", help="Show the hardest pairs of --data, and their names.")]
Out = Annotated[Path | None, typer.Option(help="The page, a new file [`report.html` in the run folder].")]
Card = Annotated[
    Path | None, typer.Option(help="Also the model card, a new file [`MODEL_CARD.md` there, where --out is not given].")
]


def report(
    run: Run,
    against: Against = None,
    data: Data = None,
    package: Of = None,
    show_faces: ShowFaces = False,
    out: Out = None,
    card: Card = None,
) -> None:
    """Tell a run on one page that needs no network: training, errors with intervals, hardest pairs, files."""
    from ..export.package import open_package
    from ..files import whole_file
    from ..hub.card import card as card_of
    from ..hub.handed import facts_of
    from ..page import PAGE
    from ..progress import Reporter
    from ..report.findings import Beside, examine
    from ..report.people import drawn_people, people_at, strangers
    from ..report.run import open_run
    from ..report.write import write_page

    opened = open_run(run)
    card = run / "MODEL_CARD.md" if out is None and card is None else card
    out = out or run / PAGE
    for file in filter(None, (out, card)):
        check_new_file(file)
    exported = None if package is None else open_package(package)
    people = drawn_people(strangers(opened.recipe)) if data is None else people_at(data)
    with Reporter() as progress:
        findings = examine(opened, people, Beside(against, exported), progress)
    write_page(findings, out, command=["facedistill", *sys.argv[1:]], show_faces=show_faces)
    if card is not None:
        with whole_file(card) as unfinished:
            unfinished.write_text(card_of(facts_of(findings, exported)), encoding="utf-8")
    print(f"{out}: open it in a browser.")
