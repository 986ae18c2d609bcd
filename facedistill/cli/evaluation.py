"""``evaluate`` and ``embed``."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..errors import UserError
from .options import AsJson, Backbone, Device, Flip, Model, check_new_file, network_of


def evaluate(
    model: Model,
    on: Annotated[
        list[str],
        typer.Option("--on", metavar="NAME=FOLDER", help="Faces to judge by, with a pairs.txt or without; repeatable."),
    ],
    gallery: Annotated[
        Path | None, typer.Option(help="Another network in the same space: judge each against the other's gallery.")
    ] = None,
    backbone: Backbone = None,
    gallery_backbone: Annotated[str | None, typer.Option(help="As --backbone, for the gallery's network.")] = None,
    flip: Flip = True,
    device: Device = "auto",
    far: Annotated[list[float] | None, typer.Option(help="False-accept rate; repeatable [1e-3 and 1e-4].")] = None,
    replicates: Annotated[int, typer.Option(min=1, help="Of the bootstrap over identities.")] = 1000,
    out: Annotated[Path | None, typer.Option(help="Also write the figures to this JSON file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Verification figures with 95 % intervals: ten-fold accuracy, TAR at FAR, student against teacher."""
    from ..evaluate import benchmark
    from ..evaluate.figures import Settings
    from ..evaluate.table import table
    from ..progress import Reporter
    from ..protocols import open_protocol

    paths = _named(on)
    if out is not None:
        check_new_file(out)
    benchmarks = {name: open_protocol(path) for name, path in paths.items()}
    network = network_of(model, backbone, device)
    enrolled = None if gallery is None else network_of(gallery, gallery_backbone, device)
    settings = Settings(flip=flip, fars=tuple(far or (1e-3, 1e-4)), replicates=replicates)
    with Reporter() as report:
        results = benchmark.evaluate(network, benchmarks, settings=settings, gallery=enrolled, report=report)
    text = json.dumps(results, indent=2)
    if out is not None:
        out.write_text(text + "\n")
    if as_json:
        print(text)
    else:
        Console().print(table(results, benchmarks))


def embed(
    model: Model,
    source: Annotated[Path, typer.Argument(metavar="FACES", help="Folder with aligned crops, in sub-folders or not.")],
    destination: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for embeddings.npy and index.csv.")],
    backbone: Backbone = None,
    flip: Flip = True,
    device: Device = "auto",
) -> None:
    """Embed every face of a folder."""
    from ..data.folder import FolderFaces
    from ..evaluate import store
    from ..evaluate.embed import embed as embed_faces
    from ..progress import Reporter

    if destination.exists():
        raise UserError(f"{destination} exists and is never overwritten; choose another folder.")
    network = network_of(model, backbone, device)
    nested = source.is_dir() and any(entry.is_dir() and not entry.name.startswith(".") for entry in source.iterdir())
    faces = FolderFaces(source, labelled=nested)
    with Reporter() as report:
        seen = embed_faces(network, faces, flip=flip, report=lambda done, of: report(source.name, done, of))
    store.save_embeddings(destination, seen, faces)
    print(f"{len(faces)} embeddings in {destination}")


def _named(folders: list[str]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for entry in folders:
        name, _, folder = entry.partition("=")
        if not name or not folder:
            raise UserError(f"--on takes NAME=FOLDER, such as lfw=faces/lfw; it got '{entry}'.")
        if name in named:
            raise UserError(f"--on has two folders called '{name}'; give each a name of its own.")
        named[name] = Path(folder)
    return named
