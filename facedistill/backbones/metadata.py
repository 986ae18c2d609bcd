"""What a file says of the pixels its network takes: one entry, the same in every format that has room for one.

Under the key ``facedistill`` stands JSON; its ``preprocess`` holds ``size_px``, ``mean``, ``std`` (the network's pixels
are (x - mean) / std with x in 0..255), ``order`` of the colours and the ``template`` that faces are aligned to. An ONNX
file carries it among its metadata properties. A reader that finds the entry must follow it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from .contract import Preprocess

KEY = "facedistill"
TEMPLATE = "arcface_112"
"""Five points onto the ArcFace template, as a crop of 112 pixels has them."""

_FIELDS = ("mean", "order", "size_px", "std")


def preprocess_metadata(preprocess: Preprocess) -> dict[str, str]:
    """The entry of a network, ready to be written."""
    entry = {"size_px": preprocess.size_px, **preprocess.normalisation, "template": TEMPLATE}
    return {KEY: json.dumps({"preprocess": entry})}


def stated_preprocess(metadata: Mapping[str, str], file: Path) -> dict[str, Any]:
    """What the metadata of ``file`` says of ``size_px``, ``mean``, ``std`` and ``order``; nothing without an entry.

    Raises:
        UserError: an entry that is damaged, or of faces that are aligned otherwise.
    """
    try:
        entry = json.loads(metadata.get(KEY, "{}")).get("preprocess")
    except (ValueError, AttributeError):
        raise UserError(f"{file}: its entry '{KEY}' is not JSON as facedistill writes it; export it again.") from None
    if entry is None:
        return {}
    if not isinstance(entry, dict) or sorted({*entry, "template"}) != sorted([*_FIELDS, "template"]):
        raise UserError(f"{file}: its preprocessing entry must hold {', '.join(_FIELDS)}; export it again.")
    template = entry.pop("template", TEMPLATE)
    if template != TEMPLATE:
        raise UserError(f"{file} takes faces aligned to '{template}', and facedistill aligns them to {TEMPLATE}.")
    return entry


def agreed(given: Mapping[str, Any], stated: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Both together.

    Raises:
        UserError: they contradict each other.
    """
    for name in given.keys() & stated.keys():
        if np.any(np.asarray(given[name]) != np.asarray(stated[name])):
            raise UserError(
                f"{file} states {name} {stated[name]!r} for itself, and {given[name]!r} is asked for; leave it out."
            )
    return {**stated, **given}
