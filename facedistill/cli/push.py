"""``push``: a network in the layout of the Hugging Face Hub."""

from pathlib import Path
from typing import Annotated

import typer

from ..files import refuse_existing
from .report import Data

Subject = Annotated[Path, typer.Argument(metavar="RUN_OR_PACKAGE", help="A finished run, or a folder of `export`.")]
To = Annotated[Path, typer.Option(help="The folder to write; it must not exist.")]
Exported = Annotated[
    Path | None, typer.Option("--package", help="What was exported from the run [`export` in the run folder].")
]
License = Annotated[
    str | None, typer.Option(help="Identifier of the licence, such as apache-2.0; without it the card claims none.")
]
Upload = Annotated[
    str | None, typer.Option(metavar="OWNER/NAME", help="Also upload it, private where new; else nothing is sent.")
]


def push(
    subject: Subject,
    to: To,
    data: Data = None,
    package: Exported = None,
    license: License = None,
    upload: Upload = None,
) -> None:
    """Write weights, config, model card, exported files and digests as the Hugging Face Hub has them."""
    from ..hub.handed import judged, open_handed
    from ..hub.layout import write_layout
    from ..hub.upload import check_upload
    from ..hub.upload import upload as send
    from ..progress import Reporter
    from ..report.people import drawn_people, people_at, strangers

    if upload is not None:
        check_upload(upload)
    refuse_existing(to, "folder")
    handed = open_handed(subject, package)
    recipe = None if handed.run is None else handed.run.recipe
    people = drawn_people(strangers(recipe)) if data is None else people_at(data)
    with Reporter() as report:
        facts = judged(handed, people, report)
    write_layout(facts, to, license)
    print(f"{to}: README.md is the card; read it before anybody else does.")
    if upload is not None:
        print(send(to, upload))
