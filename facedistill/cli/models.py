"""What a verb means by MODEL where embeddings will do: a run, a weights file, an ONNX file, a folder of embeddings."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UserError
from ..files import file_digest
from .options import network_of

if TYPE_CHECKING:
    from ..evaluate.embeddings.source import AbstractSource

Embedded = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL", help="A run folder, a safetensors file, an ONNX file, or a folder that `embed` wrote."
    ),
]
PreprocessOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--preprocess",
        metavar="KEY=VALUE",
        help="Of an ONNX file that does not state it: size_px=112, mean=127.5, std=128, order=bgr; repeatable.",
    ),
]
OtherPreprocess = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="As --preprocess, for the ONNX file of --gallery and --against."),
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder to keep embeddings in, which are biometric data; none by default.")
]


def open_source(
    model: Path,
    backbone: str | None,
    preprocess: Sequence[str] | None,
    device: str,
    flip: bool | None,
    cache: Path | None,
) -> "AbstractSource":
    """Where the embeddings of ``model`` come from.

    Raises:
        UserError: a model that cannot be read, or options that do not apply to it.
    """
    from ..evaluate.embeddings.source import NetworkSource
    from ..evaluate.embeddings.store import holds_embeddings

    if holds_embeddings(model):
        return _stored(model, {"--backbone": backbone, "--preprocess": preprocess, "--flip": flip})
    options = parsed(preprocess)
    source = NetworkSource(network_of(model, backbone, device, options))
    return source if cache is None else _cached(source, model, f"{backbone} {options}", cache)


def _stored(folder: Path, options: Mapping[str, object]) -> "AbstractSource":
    from ..evaluate.embeddings.source import StoredSource

    for option, value in options.items():
        if value is not None:
            raise UserError(f"{folder} holds embeddings as they are; leave out {option}.")
    return StoredSource(folder)


def _cached(source: "AbstractSource", model: Path, options: str, folder: Path) -> "AbstractSource":
    from .. import __version__
    from ..backbones.load import weights_file
    from ..evaluate.embeddings.cache import CachedSource

    known = f"{__version__} {file_digest(weights_file(model))} {options} {source.rules}"
    return CachedSource(source, hashlib.sha256(known.encode()).hexdigest(), folder)


def parsed(options: Sequence[str] | None) -> dict[str, Any]:
    """Options of ``--preprocess`` by their names."""
    import yaml

    found = {}
    for option in options or ():
        name, equals, text = option.partition("=")
        if not equals:
            raise UserError(f"--preprocess takes KEY=VALUE, such as order=bgr; it got '{option}'.")
        try:
            found[name] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise UserError(f"'{text}' in '--preprocess {option}' is not YAML.") from None
    return found
