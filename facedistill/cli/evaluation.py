"""``evaluate`` and ``embed``."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ..errors import UserError
from ..files import refuse_existing
from .models import Cache, Embedded, OtherPreprocess, PreprocessOptions, open_source, parsed
from .options import AsJson, Backbone, Device, Flip, Model, network_of

if TYPE_CHECKING:
    from ..evaluate.benchmark import Scores
    from ..evaluate.embeddings.source import AbstractSource
    from ..evaluate.settings import Figures
    from ..protocols.contract import AbstractProtocol

On = Annotated[
    list[str],
    typer.Option("--on", metavar="NAME=PATH", help="A benchmark: what it is shows in its files; repeatable."),
]
Gallery = Annotated[
    Path | None, typer.Option(help="Another network in the same space: judge each against the other's gallery.")
]
Against = Annotated[Path | None, typer.Option(help="Another model: say where MODEL is better or worse, paired.")]
OtherBackbone = Annotated[str | None, typer.Option(help="As --backbone, for the network of --gallery and --against.")]
MaybeFlip = Annotated[
    bool | None, typer.Option("--flip/--no-flip", help="Add the mirror image's embedding [flip, where a network runs].")
]
Far = Annotated[list[float] | None, typer.Option(help="False-accept rate; repeatable [1e-3 and 1e-4].")]
Resolution = Annotated[
    str | None, typer.Option(metavar="PX,PX,...", help="Also on coarser pictures, such as 112,56,28,14.")
]
Convention = Annotated[
    str,
    typer.Option(
        metavar="NAME[,SWITCH=VALUE...]",
        help="How IJB's templates are made: insightface, cvlface, adaface, tface or facexzoo; "
        "switches norm=kept|removed, detector=yes|no, flip=yes|no.",
    ),
]
Replicates = Annotated[int, typer.Option(min=1, help="Of the bootstrap.")]
Out = Annotated[Path | None, typer.Option(help="Also write result.json, tables and pictures to this new folder.")]


def evaluate(
    model: Embedded,
    on: On,
    gallery: Gallery = None,
    against: Against = None,
    backbone: Backbone = None,
    other_backbone: OtherBackbone = None,
    preprocess: PreprocessOptions = None,
    other_preprocess: OtherPreprocess = None,
    flip: MaybeFlip = None,
    device: Device = "auto",
    far: Far = None,
    resolution: Resolution = None,
    convention: Convention = "insightface",
    replicates: Replicates = 1000,
    cache: Cache = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Figures of the field's benchmarks with 95 % intervals, alone or beside another model."""
    from ..evaluate import benchmark
    from ..evaluate.settings import Settings
    from ..progress import Reporter
    from ..protocols import open_protocol

    paths, resolutions_px = _named(on), _resolutions(resolution)
    fars = tuple(far or (1e-3, 1e-4))
    settings = Settings(flip=flip is not False, fars=fars, replicates=replicates, convention=convention)
    if out is not None:
        refuse_existing(out, "folder")
    benchmarks = {name: open_protocol(path) for name, path in paths.items()}
    source = open_source(model, backbone, preprocess, device, flip, cache)
    enrolled, other = _others((gallery, against), other_backbone, other_preprocess, device, flip, cache)
    beside = benchmark.Beside(enrolled, other, resolutions_px)
    scores = None if out is None else benchmark.Scores()
    with Reporter() as report:
        results = benchmark.evaluate(source, benchmarks, settings=settings, beside=beside, report=report, scores=scores)
    _give(results, benchmarks, scores, out, as_json)


def _others(
    models: tuple[Path | None, ...],
    backbone: str | None,
    preprocess: list[str] | None,
    device: str,
    flip: bool | None,
    cache: Path | None,
) -> "Iterator[AbstractSource | None]":
    """The models of ``--gallery`` and ``--against``, where they are."""
    for option, given in {"--other-backbone": backbone, "--other-preprocess": preprocess}.items():
        if given and not any(models):
            raise UserError(f"{option} is for the model of --gallery or --against; name one, or leave it out.")
    for path in models:
        yield None if path is None else open_source(path, backbone, preprocess, device, flip, cache)


def _give(
    results: "dict[str, Figures]",
    benchmarks: "dict[str, AbstractProtocol]",
    scores: "Scores | None",
    out: Path | None,
    as_json: bool,
) -> None:
    from ..evaluate.report.folder import write_report
    from ..evaluate.report.table import table

    if out is not None and scores is not None:
        write_report(out, results, benchmarks, scores)
    if as_json:
        print(json.dumps(results, indent=2))
    else:
        Console().print(table(results, benchmarks))


def embed(
    model: Model,
    source: Annotated[Path, typer.Argument(metavar="FACES", help="Aligned crops: a folder, .rec or .bin file.")],
    destination: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for embeddings.npy and index.csv.")],
    backbone: Backbone = None,
    preprocess: PreprocessOptions = None,
    flip: Flip = True,
    device: Device = "auto",
) -> None:
    """Embed every face of a folder."""
    from ..data.open import open_any
    from ..evaluate.embeddings import store
    from ..evaluate.embeddings.embed import embed as embed_faces
    from ..progress import Reporter

    refuse_existing(destination, "folder")
    network = network_of(model, backbone, device, parsed(preprocess))
    faces = open_any(source)
    with Reporter() as report:
        seen = embed_faces(network, faces, flip=flip, report=lambda done, of: report(source.name, done, of))
    store.save_embeddings(destination, seen, faces)
    print(f"{len(faces)} embeddings in {destination}")


def _named(benchmarks: list[str]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for entry in benchmarks:
        name, _, path = entry.partition("=")
        if not re.fullmatch(r"[\w.+-]+", name) or not path:
            raise UserError(f"--on takes NAME=PATH, such as lfw=faces/lfw; it got '{entry}'.")
        if name in named:
            raise UserError(f"--on has two sets called '{name}'; give each a name of its own.")
        named[name] = Path(path)
    return named


def _resolutions(text: str | None) -> tuple[int, ...]:
    parts = text.split(",") if text else []
    if not all(part.strip().isdigit() for part in parts):
        raise UserError(f"--resolution takes pixels, such as 112,56,28,14; it got '{text}'.")
    return tuple(dict.fromkeys(int(part) for part in parts))
