"""The folder that is handed over: files for runtimes, what proves them, and the digest of each.

<package>/manifest.json        what is in it, figures of parity, thresholds, digests
          student.<precision>.<runtime's ending>      one that missed its gate ends in .rejected
          student.<precision>.unproven.<ending>        one whose runtime does not exist for the system of the export
          preprocess.json      what to do with an image before the file sees it
          vectors/             inputs and embeddings to check an app with, and code that does
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..crop.output import write_whole
from ..errors import UserError
from ..files import file_digest
from .contract import PRECISIONS, Runner, target_of

if TYPE_CHECKING:
    from .threshold import Calibration

MANIFEST = "manifest.json"
FORMAT = 1
REJECTED = ".rejected"
"""Ending of a file that missed its gate."""
UNPROVEN = ".unproven"
"""Before the ending of a file that nothing has run."""

LARGEST_MANIFEST = 10 << 20
"""Bytes; ours have thousands."""


@dataclass(frozen=True)
class Package:
    """An exported student whose files are the ones that were proven."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def files(self) -> dict[str, Mapping[str, Any]]:
        """The accepted files by name, most precise first, with what the manifest says of each."""
        entries = {name: entry for name, entry in self.manifest["exports"].items() if entry["accepted"]}
        return dict(sorted(entries.items(), key=lambda item: PRECISIONS.index(item[1]["precision"])))

    @property
    def rejected(self) -> dict[str, list[str]]:
        """What missed its gate, and by what."""
        return {name: list(entry["missed"]) for name, entry in self.manifest["exports"].items() if "missed" in entry}

    @property
    def unproven(self) -> dict[str, str]:
        """What nothing has run, and why."""
        return {name: entry["unproven"] for name, entry in self.manifest["exports"].items() if "unproven" in entry}

    @property
    def size_px(self) -> int:
        return int(self.manifest["input"]["size_px"])

    @property
    def thresholds(self) -> dict[str, dict[str, Any]]:
        """By file, as ``calibrate`` found them."""
        return dict(self.manifest["thresholds"])

    @property
    def histograms(self) -> dict[str, dict[str, Any]]:
        """By file, of the same pairs; packages of earlier versions have none."""
        return dict(self.manifest.get("histograms", {}))

    def choose(self, file: str | None) -> str:
        """A file by its name or its precision; the most precise without either.

        Raises:
            UserError: there is none.
        """
        for name, entry in self.files.items():
            if file in (None, name, entry["precision"]):
                return name
        raise UserError(f"{self.folder} has no file '{file}'; it has {', '.join(self.files) or 'none that passed'}.")

    def open(self, file: str, *, threads: int = 1) -> Runner:
        """What embeds crops of ``size_px`` with a file of the package."""
        _, target = target_of(file)
        return target.open(self.folder / file, threads=threads)

    def calibrated(self, found: "Mapping[str, Calibration]") -> "Package":
        """The same package with what was found of these files, on disk too."""
        thresholds = {file: each.threshold.as_dict() for file, each in found.items()}
        histograms = {file: each.histogram.as_dict() for file, each in found.items()}
        manifest = {
            **self.manifest,
            "thresholds": {**self.thresholds, **thresholds},
            "histograms": {**self.histograms, **histograms},
        }
        write_manifest(self.folder, manifest)
        return Package(self.folder, manifest)


def open_package(folder: Path) -> Package:
    """The package in a folder, after the digest of each of its files.

    Raises:
        UserError: no package, one of a newer form, or a file that is missing, altered or outside.
    """
    manifest = _read(folder / MANIFEST)
    for name, entry in manifest["files"].items():
        if file_digest(_inside(folder, name)) != entry["sha256"]:
            raise UserError(f"{folder / name} is not the file that was proven; export the student again.")
    digested = [PurePosixPath(name) for name in manifest["files"]]
    strange = [
        name
        for name, entry in manifest["exports"].items()
        if entry["accepted"] and not any(path.is_relative_to(name) for path in digested)
    ]
    if strange:
        raise UserError(f"{folder / MANIFEST} vouches for {strange[0]} without a digest; export the student again.")
    return Package(folder, manifest)


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise UserError(f"{file.parent} is not an export package: it has no {file.name}; make one: facedistill export.")
    try:
        if file.stat().st_size > LARGEST_MANIFEST:
            raise ValueError
        manifest = dict(json.loads(file.read_bytes()))
        stated, newer = manifest.pop("digest"), manifest["format"] > FORMAT
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{file} is damaged; export the student again.") from None
    if newer:
        raise UserError(f"{file} was written by a newer facedistill; upgrade to read it.")
    if stated != _digest_of(manifest):
        raise UserError(f"{file} was altered after the export; export the student again.")
    return manifest


def _inside(folder: Path, name: str) -> Path:
    """A file of the package; a link could lead to anything."""
    path = PurePosixPath(name)
    file = folder / path
    if (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or any(part.is_symlink() for part in (file, *file.parents[: len(path.parts)]))
    ):
        raise UserError(f"{folder / MANIFEST} names {name}, which lies outside of the package; do not use it.")
    if not file.is_file():
        raise UserError(f"{file} is missing; export the student again.")
    return file


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write ``manifest.json`` whole, with a digest of itself."""
    stated = {**manifest, "digest": _digest_of(manifest)}
    write_whole(folder / MANIFEST, (json.dumps(stated, indent=2) + "\n").encode())


def listed(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every file below a folder with its size and digest."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), {"bytes": file.stat().st_size, "sha256": file_digest(file)}


def _digest_of(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
