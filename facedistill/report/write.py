"""The page on disk."""

from collections.abc import Sequence
from pathlib import Path

from ..files import whole_file
from .findings import Findings
from .page import page


def write_page(findings: Findings, file: Path, *, command: Sequence[str], show_faces: bool = False) -> None:
    """Write the page of a run, whole or not at all.

    Raises:
        UserError: the file exists.
    """
    text = page(findings, command=command, show_faces=show_faces)
    with whole_file(file) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
