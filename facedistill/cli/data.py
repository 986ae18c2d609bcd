"""``data``: look into sets of faces, check them, and turn one kind into another."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .options import AsJson, check_new_file
from .show import print_table

data_app = typer.Typer(no_args_is_help=True, help="Look into sets of faces, and check them.")

Faces = Annotated[Path, typer.Argument(metavar="FACES", help="A folder of identities, or a file of faces.")]

SHOWN_SIZES = 10
"""Rows of the table of sizes; photographs in the wild have thousands."""


@data_app.command("inspect")
def data_inspect(
    path: Faces,
    sheet: Annotated[Path | None, typer.Option(help="Also draw a contact sheet into this PNG file.")] = None,
    histogram: Annotated[Path | None, typer.Option(help="Also draw images per identity into this PNG file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Count images, identities, images per identity and sizes."""
    from ..data import inspect
    from ..data.open import open_any

    for file in filter(None, (sheet, histogram)):
        check_new_file(file)
    faces = open_any(path)
    counts, sizes = inspect.count(faces), inspect.sizes(faces)
    bins = inspect.histogram(counts.images_per_identity)
    _draw(faces, bins, sheet, histogram)
    numbers = {"images": counts.images, "identities": counts.identities, "unlabelled": counts.unlabelled}
    if as_json:
        filled = [{"images": [each.first, each.last], "identities": each.identities} for each in bins]
        measured = [{"width": width, "height": height, "images": n} for (width, height), n in sizes.images.items()]
        seen = {"looked_at": sizes.looked_at, "unreadable": sizes.unreadable, "sizes": measured}
        print(json.dumps({**numbers, "images_per_identity": filled, **seen}, indent=2))
        return
    print_table("", (path.name, "count"), [(name, f"{value:,}") for name, value in numbers.items()])
    print_table("", ("images per identity", "identities"), [(each.span, f"{each.identities:,}") for each in bins])
    rows = [(f"{width} x {height}", f"{n:,}") for (width, height), n in list(sizes.images.items())[:SHOWN_SIZES]]
    print_table(
        "", (f"pixels, of {sizes.looked_at:,} images", "images"), [*rows, ("unreadable", f"{sizes.unreadable:,}")]
    )


def _draw(faces: Any, bins: Any, sheet: Path | None, histogram: Path | None) -> None:
    from ..data.picture import save_histogram, save_sheet

    if sheet is not None:
        save_sheet(sheet, faces)
    if histogram is not None:
        save_histogram(histogram, bins)


@data_app.command("verify")
def data_verify(
    path: Faces,
    out: Annotated[Path | None, typer.Option(help="Write bad images to this CSV file instead of the terminal.")] = None,
    as_json: AsJson = False,
) -> None:
    """Decode every image and list the bad ones; exit code 1 if there is any."""
    from ..data.open import open_any
    from ..data.verify import find_bad, save_bad
    from ..progress import Display

    if out is not None:
        check_new_file(out)
    faces = open_any(path)
    start = time.monotonic()
    with Display(len(faces), title=path.name) as display:
        found = find_bad(
            faces,
            report=lambda done: display.advance(done, f"{done / max(1e-9, time.monotonic() - start):,.0f} images/s"),
        )
    if out is not None:
        save_bad(out, found)
    if as_json:
        print(json.dumps({"images": len(faces), "bad": [asdict(bad) for bad in found]}, indent=2))
    else:
        for bad in found if out is None else ():
            print(f"{bad.name}: {bad.reason}")
        print(f"{path}: {len(found):,} of {len(faces):,} images are bad{f', listed in {out}' if out else ''}.")
    if found:
        raise typer.Exit(1)


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
    print(f"  facedistill align {destination} {destination}_112 --detector yunet")
