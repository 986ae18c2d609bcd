"""Weights in and out: safetensors files, which run nothing when read.

A file written here carries the choice of its network, ``{"vit_s": {"patch_px": 9}}``, in its header and loads with no
further word. A file from elsewhere needs the choice from the caller.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NewType

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..errors import UserError
from ..files import replacing
from ..signature import build
from .contract import AbstractBackbone

MODEL_FILE = "model.safetensors"
"""The trained network in a run folder."""

SNAPSHOTS = "snapshots"
"""Folder in a run folder: the network after some of its epochs, in the order of the names."""

Choice = Mapping[str, Any] | str

LoadedBackbone = NewType("LoadedBackbone", AbstractBackbone)
"""A backbone with weights from a file; a type of its own, so that the catalogue lists no loader among networks."""

_HEADER_KEY = "facedistill"
_NAMED = 4
"""How many tensors of a kind an error names."""


def load_backbone(path: str | Path, backbone: Choice | None = None) -> LoadedBackbone:
    """The network in a safetensors file or a run folder, with its weights.

    Args:
        path: the file, or a run folder with ``model.safetensors`` in it.
        backbone: the network's choice, ``name`` or ``{name: {option: value}}``; needed where the file does not say.

    Raises:
        UserError: no such file, not safetensors, no word about the network, or tensors that do not fit it.
    """
    file = weights_file(path)
    tensors, metadata = read_tensors(file)
    choice = _choice_in(metadata) if backbone is None else backbone
    if choice is None:
        raise UserError(f"{file} does not say what network it holds; name it, as in `backbone: edgenext_xs`.")
    with torch.random.fork_rng(devices=[]):  # its first weights are thrown away, and draw nothing from the run's seed
        network: AbstractBackbone = build("backbones", AbstractBackbone, choice)
    _check_fit(network.state_dict(), tensors, f"{file} does not fit {_name(choice)}")
    network.load_state_dict(tensors)
    return LoadedBackbone(network)


def start_from(network: nn.Module, path: str | Path) -> None:
    """Give ``network`` the weights in a safetensors file or a run folder.

    Raises:
        UserError: no such file, not safetensors, or tensors that do not fit; they are named.
    """
    file = weights_file(path)
    tensors, _ = read_tensors(file)
    _check_fit(network.state_dict(), tensors, f"{file} does not fit the network that is to start from it")
    network.load_state_dict(tensors)


def save_backbone(backbone: nn.Module, choice: Choice, path: Path) -> None:
    """Write ``backbone`` with the choice that builds it; the file appears whole or not at all."""
    header = {_HEADER_KEY: json.dumps({"backbone": choice if isinstance(choice, str) else dict(choice)})}
    write_tensors(backbone.state_dict(), path, header)


def weights_file(path: str | Path) -> Path:
    """The file behind a path or a run folder.

    Raises:
        UserError: it is not there.
    """
    file = Path(path) / MODEL_FILE if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise UserError(f"There are no weights at {file}; give a file of weights or a run folder with {MODEL_FILE}.")
    return file


def read_tensors(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file, on the CPU.

    Raises:
        UserError: it is not a safetensors file.
    """
    if file.suffix == ".onnx":
        raise UserError(f"{file} is an ONNX file, which gives answers and not its weights; a safetensors file does.")
    try:
        with safe_open(file, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
    except SafetensorError as error:
        raise UserError(
            f"{file} is not a whole safetensors file ({error}); other formats can run code and are not read."
        ) from None


def write_tensors(tensors: Mapping[str, Tensor], file: Path, metadata: dict[str, str]) -> None:
    """Write a safetensors file whole or not at all, in place of an older one."""
    # Plain row-major copies: channels_last tensors and tensors that share memory are refused by the format.
    plain = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    with replacing(file) as partial:
        save_file(plain, partial, metadata)


def _choice_in(metadata: Mapping[str, str]) -> Choice | None:
    try:
        choice: Choice | None = json.loads(metadata.get(_HEADER_KEY, "{}")).get("backbone")
    except (ValueError, AttributeError):
        return None  # a header of somebody else's
    return choice


def _name(choice: Choice) -> str:
    return choice if isinstance(choice, str) else next(iter(choice), "nothing")


def _check_fit(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], what: str) -> None:
    shapes = [
        f"{name} is {tuple(given[name].shape)} and should be {tuple(wanted[name].shape)}"
        for name in wanted
        if name in given and given[name].shape != wanted[name].shape
    ]
    differences = [
        _named("it lacks", (name for name in wanted if name not in given)),
        _named("it has unknown", (name for name in given if name not in wanted)),
        _named("shapes differ:", shapes),
    ]
    if any(differences):
        raise UserError(f"{what}: {'; '.join(filter(None, differences))}.")


def _named(what: str, items: Iterable[str]) -> str:
    listed = list(items)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return f"{what} {', '.join(listed[:_NAMED])}{more}" if listed else ""
