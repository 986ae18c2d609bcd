"""What a folder holds, so that a damaged or half-written one is recognised: name and SHA-256 of every file."""

import json
from pathlib import Path

from ..errors import one_line
from ..files import file_digest, to_disk

NAME = "manifest.json"


def seal(folder: Path) -> None:
    """Write the manifest of a finished folder, and have the disk keep all of it before this returns."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    digests = {file.relative_to(folder).as_posix(): file_digest(file) for file in files}
    (folder / NAME).write_text(json.dumps(digests, indent=2) + "\n")
    for path in (*folder.rglob("*"), folder):
        to_disk(path)


def damage(folder: Path) -> str | None:
    """What is wrong with a sealed folder, or None where every file is as it was written."""
    try:
        digests = json.loads((folder / NAME).read_text())
        changed = [name for name, digest in digests.items() if file_digest(folder / name) != digest]
    except (OSError, ValueError, AttributeError) as error:
        return one_line(error)
    return f"{changed[0]} is not what was written" if changed else None
