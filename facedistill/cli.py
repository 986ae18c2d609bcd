"""The command line. Verbs import what they need when they run, so that ``--help`` answers at once."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .errors import UserError, unknown

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Distil Transformer face recognisers into small CNNs and prove that the knowledge arrived.",
)
config_app = typer.Typer(no_args_is_help=True, help="Copy, check and show recipes.")
app.add_typer(config_app, name="config")

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a packaged recipe.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Changes, such as training.epochs=40.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint of the run folder.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Build everything, take two steps, say what to expect; write nothing.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A run folder, a safetensors file or an ONNX file.")]
Backbone = Annotated[str | None, typer.Option(help="Name of the network, where a safetensors file does not say.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Flip = Annotated[bool, typer.Option("--flip/--no-flip", help="Add the mirror image's embedding.")]


@app.command()
def train(
    recipe: RecipeName,
    overrides: Overrides = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Train a teacher, or a plain student from labels only."""
    from .config import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    if loaded.teacher is not None or loaded.method:
        raise UserError(f"Recipe {recipe} has a teacher or a method; use `facedistill distill {recipe}`.")
    _run(loaded, resume, dry_run, as_json)


@app.command()
def distill(
    recipe: RecipeName,
    overrides: Overrides = None,
    resume: Resume = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Train a student with what a teacher knows."""
    from .config import load_recipe

    loaded = load_recipe(recipe, overrides or [])
    if loaded.teacher is None:
        raise UserError(f"Recipe {recipe} has no teacher; give it one, or use `facedistill train {recipe}`.")
    _run(loaded, resume, dry_run, as_json)


@app.command()
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
    from .evaluate import benchmark
    from .evaluate.figures import Settings
    from .evaluate.table import table
    from .progress import Reporter

    folders = _named(on)
    if out is not None:
        _check_new_file(out)
    network = _network(model, backbone, device)
    enrolled = None if gallery is None else _network(gallery, gallery_backbone, device)
    settings = Settings(flip=flip, fars=tuple(far or (1e-3, 1e-4)), replicates=replicates)
    with Reporter() as report:
        results = benchmark.evaluate(network, folders, settings=settings, gallery=enrolled, report=report)
    text = json.dumps(results, indent=2)
    if out is not None:
        out.write_text(text + "\n")
    if as_json:
        print(text)
    else:
        Console().print(table(results))


@app.command()
def embed(
    model: Model,
    source: Annotated[Path, typer.Argument(metavar="FACES", help="Folder with aligned crops, in sub-folders or not.")],
    destination: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for embeddings.npy and index.csv.")],
    backbone: Backbone = None,
    flip: Flip = True,
    device: Device = "auto",
) -> None:
    """Embed every face of a folder."""
    from .data.folder import FolderFaces
    from .evaluate import store
    from .evaluate.embed import embed as embed_faces
    from .progress import Reporter

    if destination.exists():
        raise UserError(f"{destination} exists and is never overwritten; choose another folder.")
    network = _network(model, backbone, device)
    nested = source.is_dir() and any(entry.is_dir() and not entry.name.startswith(".") for entry in source.iterdir())
    faces = FolderFaces(source, labelled=nested)
    with Reporter() as report:
        seen = embed_faces(network, faces, flip=flip, report=lambda done, of: report(source.name, done, of))
    store.save_embeddings(destination, seen, faces)
    print(f"{len(faces)} embeddings in {destination}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder of the four runs and result.json.")] = Path("runs/demo"),
    as_json: AsJson = False,
) -> None:
    """Teach small CNNs on drawn faces and print the comparison: minutes, without GPU or download."""
    from .demo import demonstrate, tables

    result = demonstrate(out)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        Console().print(tables(result))


@app.command("list")
def list_(
    what: Annotated[
        str | None, typer.Argument(help="backbones, heads, methods, teachers or recipes; all of them by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What can be named in a recipe."""
    from .listing import everything

    offers = everything()
    if what is not None and what not in offers:
        raise unknown("kind", what, offers)
    chosen = offers if what is None else {what: offers[what]}
    if as_json:
        print(json.dumps(chosen, indent=2))
        return
    for kind, names in chosen.items():
        _print_table(kind, ("name", "what it is"), list(names.items()))


@config_app.command("cp")
def config_cp(
    recipe: RecipeName, destination: Annotated[Path, typer.Argument(help="File or folder to copy it to.")]
) -> None:
    """Copy a packaged recipe, to change it."""
    from .config import find_recipe

    source = find_recipe(recipe)
    target = destination / source.name if destination.is_dir() else destination
    _check_new_file(target)
    target.write_text(source.read_text())
    print(target)


@config_app.command("validate")
def config_validate(recipe: RecipeName, overrides: Overrides = None) -> None:
    """Check every name and every option of a recipe."""
    from .config import load_recipe
    from .train.assemble import resolve

    resolve(load_recipe(recipe, overrides or []))
    print(f"{recipe}: every name and option is known.")


@config_app.command("show")
def config_show(recipe: RecipeName, overrides: Overrides = None) -> None:
    """Print a recipe with every default written out."""
    from .config import dump_recipe, load_recipe
    from .train.assemble import resolve

    print(dump_recipe(resolve(load_recipe(recipe, overrides or []))), end="")


def main() -> None:
    """Run the command line; what the user can mend is one sentence on stderr."""
    try:
        app()
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except OSError as error:  # a full disk, a folder that is not ours to write
        print(f"Error: {error.filename or 'A file'}: {error.strerror or error}.", file=sys.stderr)
        raise SystemExit(1) from None


def _run(recipe: Any, resume: bool, dry_run: bool, as_json: bool) -> None:
    from .train import run

    try:
        result = run.dry_run(recipe) if dry_run else run.fit(recipe, resume=resume)
    except KeyboardInterrupt:
        print(f"Stopped. What {recipe.out} last saved is kept; go on with --resume.", file=sys.stderr)
        raise SystemExit(130) from None
    if as_json and result:
        print(json.dumps(result, indent=2))
    elif result:  # of several processes, one speaks
        _print_table(str(recipe.out), ("what", "value"), [(name, _short(value)) for name, value in result.items()])


def _network(weights: Path, backbone: str | None, device: str) -> Any:
    from .device import choose_device
    from .teachers.live import open_network

    return open_network(weights, backbone).to(choose_device(device))


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


def _check_new_file(file: Path) -> None:
    if file.exists():
        raise UserError(f"{file} exists and is never overwritten; choose another file.")
    if not file.absolute().parent.is_dir():
        raise UserError(f"There is no folder {file.parent} for {file.name}; make it first.")


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else json.dumps(value) if isinstance(value, dict) else str(value)


def _print_table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
