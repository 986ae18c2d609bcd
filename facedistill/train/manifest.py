"""What a folder of files holds, so that a damaged or half-written one is recognised: name and SHA-256 of every file."""

import json
from pathlib import Path

from ..errors import one_line
from ..files import file_digest, to_disk

NAME = "manifest.json"


def seal(folder: Path) -> None:
    """Write the manifest of a finished folder, and have the disk keep all of it before this returns."""
    digests = {file.name: file_digest(file) for file in sorted(folder.iterdir())}
    (folder / NAME).write_text(json.dumps(digests, indent=2) + "\n")
    for file in folder.iterdir():
        to_disk(file)
    to_disk(folder)


def damage(folder: Path) -> str | None:
    """What is wrong with a sealed folder, or None where every file is as it was written."""
    try:
        digests = json.loads((folder / NAME).read_text())
        changed = [name for name, digest in digests.items() if file_digest(folder / name) != digest]
    except (OSError, ValueError, AttributeError) as error:
        return one_line(error)
    return f"{changed[0]} is not what was written" if changed else None
