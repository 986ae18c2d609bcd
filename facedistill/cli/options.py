"""What several verbs share: the types of their options, and small checks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import UserError
from ..files import refuse_existing

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
Package = Annotated[Path, typer.Argument(metavar="PACKAGE", help="A folder that `export` wrote.")]
Backbone = Annotated[str | None, typer.Option(help="Name of the network, where a safetensors file does not say.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Flip = Annotated[bool, typer.Option("--flip/--no-flip", help="Add the mirror image's embedding.")]


def network_of(weights: Path, backbone: str | None, device: str, preprocess: Mapping[str, Any] | None = None) -> Any:
    """The network behind ``weights``; ``preprocess`` is what an ONNX file does not say of itself."""
    from ..device import choose_device
    from ..signature import call
    from ..teachers.live import open_network
    from ..teachers.onnx import OnnxNetwork

    network = open_network(weights, backbone)
    if preprocess:
        if not isinstance(network, OnnxNetwork):
            raise UserError(f"{weights} knows its own preprocessing; --preprocess is for ONNX files.")
        network = call(OnnxNetwork, preprocess, where="--preprocess", file=weights)
    return network.to(choose_device(device))


def check_new_file(file: Path) -> None:
    """Refuse a file that could not be written at the end of long work.

    Raises:
        UserError: it exists, or its folder does not.
    """
    refuse_existing(file, "file")
    if not file.absolute().parent.is_dir():
        raise UserError(f"There is no folder {file.parent} for {file.name}; make it first.")
