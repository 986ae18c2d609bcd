"""The folder that an inspection leaves: pictures and ``inspect.json``."""

import json
from pathlib import Path

from ..files import whole_folder
from .draw import save_cka, save_fields, save_pairs
from .draw_centres import save_centres
from .findings import Inspection


def save(folder: Path, seen: Inspection) -> None:
    """Write everything, or nothing.

    Raises:
        UserError: the folder exists.
    """
    with whole_folder(folder) as unfinished:
        save_fields(unfinished / "receptive_fields.png", seen)
        save_cka(unfinished / "cka.png", seen)
        save_pairs(unfinished / "pairs.png", seen)
        if seen.centres is not None:
            save_centres(unfinished / "local_centres.png", seen, *seen.centres)
        (unfinished / "inspect.json").write_text(json.dumps(seen.figures(), indent=2) + "\n")
