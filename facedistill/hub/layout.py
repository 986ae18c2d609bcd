"""The folder for the Hub.

<folder>/README.md            the card             model.safetensors    weights, of a run
         config.json          which network, and its pixels
         export/              the package as it was proven
         manifest.json        size and SHA-256 of every file
"""

import json
import shutil
from pathlib import Path
from typing import Any

from .. import __version__
from ..backbones.load import MODEL_FILE
from ..backbones.metadata import TEMPLATE
from ..export.package import MANIFEST, Package, listed
from ..files import whole_folder
from .card import card
from .handed import EXPORT, Facts, Handed

README = "README.md"
"""What the Hub calls a model card."""
FORMAT = 1


def write_layout(facts: Facts, folder: Path, license_: str | None = None) -> None:
    """Write everything, or nothing.

    Raises:
        UserError: the folder exists.
    """
    handed = facts.handed
    with whole_folder(folder) as unfinished:
        if handed.run is not None:
            shutil.copyfile(handed.run.weights, unfinished / MODEL_FILE)
        if handed.package is not None:
            _copy(handed.package, unfinished / EXPORT)
        (unfinished / README).write_text(card(facts, license_), encoding="utf-8")
        _write(unfinished / "config.json", config(handed))
        _write(unfinished / MANIFEST, {"format": FORMAT, "facedistill": __version__, "files": dict(listed(unfinished))})


def config(handed: Handed) -> dict[str, Any]:
    """Which network it is, and how its pixels are prepared; no path of this machine."""
    preprocess = handed.network.preprocess
    known = {} if handed.run is None else {"backbone": handed.run.recipe.model}
    return {
        "library": "facedistill",
        "version": __version__,
        **known,
        "embedding": handed.network.spec.embedding,
        "template": TEMPLATE,
        "size_px": preprocess.size_px,
        **preprocess.normalisation,
    }


def _copy(package: Package, folder: Path) -> None:
    """The files that the package vouches for, and no other."""
    for name in (*package.manifest["files"], MANIFEST):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package.folder / name, folder / name)


def _write(file: Path, value: dict[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
