"""``data``: look into sets of faces, check them, and turn one kind into another."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import AsJson
from .show import print_table

data_app = typer.Typer(no_args_is_help=True, help="Look into sets of faces, and check them.")

Faces = Annotated[Path, typer.Argument(metavar="FACES", help="A folder of identities, or a file of faces.")]


@data_app.command("inspect")
def data_inspect(path: Faces, as_json: AsJson = False) -> None:
    """Count images and identities, and images per identity."""
    from ..data.inspect import count, histogram
    from ..data.open import open_faces

    counts = count(open_faces(path))
    bins = histogram(counts.images_per_identity)
    numbers = {"images": counts.images, "identities": counts.identities, "unlabelled": counts.unlabelled}
    if as_json:
        filled = [{"images": [each.first, each.last], "identities": each.identities} for each in bins]
        print(json.dumps({**numbers, "images_per_identity": filled}, indent=2))
        return
    print_table("", (path.name, "count"), [(name, f"{value:,}") for name, value in numbers.items()])
    rows = [(each.span, f"{each.identities:,}") for each in bins]
    print_table("", ("images per identity", "identities"), rows)


@data_app.command("convert")
def data_convert(
    source: Faces,
    destination: Annotated[Path, typer.Argument(metavar="DST", help="What to write; it must not exist.")],
    to: Annotated[
        Literal["folder", "recordio", "bin"] | None, typer.Option(help="By default bin if DST ends so, else folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Turn a folder, RecordIO, a .bin or a list into another; image files stay as they are, bit for bit."""
    from ..data.convert import Kind, convert
    from ..progress import Reporter

    kind = Kind(to or ("bin" if destination.suffix.lower() == ".bin" else "folder"))
    with Reporter() as report:
        written = convert(source, destination, kind, report=lambda done, of: report(source.name, done, of))
    if as_json:
        print(json.dumps(asdict(written), indent=2))
        return
    kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(written.kinds.items()))
    print(f"{destination}: {kinds}; {written.identities:,} identities, {written.pairs:,} pairs.")
    for note in written.notes:
        print(note)


@data_app.command("lfw")
def data_lfw(
    destination: Annotated[Path, typer.Argument(metavar="DST", help="Folder for the photographs and pairs.txt.")],
    data_home: Annotated[Path | None, typer.Option(help="scikit-learn's data folder, if not its usual one.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never use the network.")] = False,
) -> None:
    """Get LFW through scikit-learn (some 200 MB) and lay it out as a benchmark."""
    from ..data.lfw import lay_out_lfw
    from ..progress import Reporter

    with Reporter() as report:
        faces = lay_out_lfw(
            destination, data_home=data_home, download=not offline, report=lambda done, of: report("lfw", done, of)
        )
    print(f"{destination}: {len(faces):,} photographs of {len(faces.identities):,} people, not aligned yet. Next:")
    print(f"  facedistill align {destination} {destination}_112 && cp {destination}/pairs.txt {destination}_112")
