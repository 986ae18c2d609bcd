"""What a folder of files holds, so that a damaged or half-written one is recognised: name and SHA-256 of every file."""

import hashlib
import json
import os
from pathlib import Path

NAME = "manifest.json"


def seal(folder: Path) -> None:
    """Write the manifest of a finished folder, and have the disk keep all of it before this returns."""
    digests = {file.name: _digest(file) for file in sorted(folder.iterdir())}
    (folder / NAME).write_text(json.dumps(digests, indent=2) + "\n")
    for file in folder.iterdir():
        to_disk(file)
    to_disk(folder)


def damage(folder: Path) -> str | None:
    """What is wrong with a sealed folder, or None where every file is as it was written."""
    try:
        digests = json.loads((folder / NAME).read_text())
        changed = [name for name, digest in digests.items() if _digest(folder / name) != digest]
    except (OSError, ValueError, AttributeError) as error:
        return " ".join(str(error).split())[:200]
    return f"{changed[0]} is not what was written" if changed else None


def to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, would survive a power cut."""
    if os.name == "nt" and path.is_dir():
        return  # Windows keeps names by itself and opens no folder
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
