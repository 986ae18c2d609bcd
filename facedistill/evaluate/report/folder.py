"""What an evaluation leaves: figures for programs, tables for people, pictures for papers."""

import json
from collections.abc import Mapping
from pathlib import Path

from ...files import whole_folder
from ...protocols.contract import AbstractProtocol
from ..benchmark import Scores
from ..settings import Figures
from .pictures import save_det, save_histogram, save_resolution, save_roc
from .table import comma_separated, markdown


def write_report(
    folder: Path,
    results: Mapping[str, Figures],
    protocols: Mapping[str, AbstractProtocol],
    scores: Scores,
) -> None:
    """``result.json``, ``table.md``, ``table.csv`` and a PNG a curve; the folder appears whole or not at all.

    Raises:
        UserError: the folder exists.
    """
    with whole_folder(folder) as unfinished:
        (unfinished / "result.json").write_text(json.dumps(results, indent=2) + "\n")
        (unfinished / "table.md").write_text(markdown(results, protocols), encoding="utf-8")
        (unfinished / "table.csv").write_text(comma_separated(results, protocols), encoding="utf-8")
        _draw(unfinished, results, protocols, scores)


def _draw(
    folder: Path, results: Mapping[str, Figures], protocols: Mapping[str, AbstractProtocol], scores: Scores
) -> None:
    for name, models in scores.by_set.items():
        save_roc(folder / f"{name}_roc.png", name, models)
        save_det(folder / f"{name}_det.png", name, models)
        save_histogram(folder / f"{name}_scores.png", name, models)
    for name, figures in results.items():
        if "resolution" in figures:
            save_resolution(folder / f"{name}_resolution.png", name, protocols[name], figures["resolution"])
