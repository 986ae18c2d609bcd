"""Recipes and comparisons that come with the package, by name."""

import os
from pathlib import Path

from .errors import UserError, unknown


def find_recipe(path: str | Path) -> Path:
    """The file behind a path or the name of a packaged recipe."""
    if Path(path).is_file():
        return Path(path)
    packaged = packaged_recipes()
    if str(path) in packaged:
        return packaged[str(path)]
    if os.sep in str(path):
        raise UserError(
            f"There is no recipe {path}; `facedistill list recipes` shows those that come with the package."
        )
    raise unknown("recipe", str(path), packaged)


def packaged_recipes() -> dict[str, Path]:
    """Recipes that come with the package, by name."""
    return {name: file for name, file in _packaged().items() if not name.startswith(COMPARISONS)}


def packaged_comparisons() -> dict[str, Path]:
    """Files for ``facedistill compare`` that come with the package, by name."""
    return {name: file for name, file in _packaged().items() if name.startswith(COMPARISONS)}


COMPARISONS = ("compare_", "leaderboard_")
"""What the name of a packaged file begins with that compares recipes and is none itself."""


def _packaged() -> dict[str, Path]:
    here = Path(__file__).parent
    # A wheel carries the folder inside the package; a checkout has it beside the package.
    folder = next((folder for folder in (here / "recipes", here.parent / "recipes") if folder.is_dir()), here)
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}
