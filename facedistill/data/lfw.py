"""Labeled Faces in the Wild, by way of scikit-learn: photographs of 250 x 250 pixels and the list of 6,000 pairs.

Huang et al., "Labeled Faces in the Wild", 2007. scikit-learn knows where the files are, checks their sums, and keeps
them in its own data folder; here they are only laid out as every other benchmark is.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from ..errors import UserError
from ..files import refuse_existing, whole_folder
from .folder import FolderFaces
from .pairs import read_pairs

NOBODY = 1_000_000
"""More photographs than anybody has in LFW."""


def lay_out_lfw(
    destination: Path,
    *,
    data_home: Path | None = None,
    download: bool = True,
    report: Callable[[int, int], object] = lambda done, of: None,
) -> FolderFaces:
    """Writes ``<person>/<image>`` and ``pairs.txt``, whole or not at all.

    Args:
        destination: where to; the photographs are as published, not aligned.
        data_home: scikit-learn's data folder; by default the one that it would choose.
        download: whether what is missing there may be fetched, some 200 MB.
        report: told how many files are laid out, and of how many.

    Raises:
        UserError: scikit-learn is not installed, ``destination`` exists, or the files are neither there nor to be had.
    """
    refuse_existing(destination)
    home = _fetched(data_home, download)
    with whole_folder(destination) as root:
        _copy(home / "lfw", root, report)
        shutil.copyfile(home / "pairs.txt", root / "pairs.txt")
        _check_pairs(root, home)
    return FolderFaces(destination)


def _fetched(data_home: Path | None, download: bool) -> Path:
    """scikit-learn's folder of LFW, complete by its own account."""
    try:
        from sklearn.datasets import fetch_lfw_people, get_data_home
    except ImportError:
        raise UserError("LFW comes through scikit-learn; install it with: pip install 'facedistill[lfw]'") from None
    home = Path(get_data_home(data_home)) / "lfw_home"
    try:
        # Asked for people whom nobody is, the loader gets the files, checks them, and has nothing to decode; all
        # photographs as floats would take 10 GB.
        fetch_lfw_people(data_home=data_home, funneled=False, min_faces_per_person=NOBODY, download_if_missing=download)
    except ValueError as error:
        if "too restrictive" not in str(error):
            raise UserError(f"scikit-learn cannot read {home}: {error}; remove it and start again.") from None
    except OSError as error:
        again = "try again later" if download else "run once without --offline"
        raise UserError(f"LFW is not in {home}, and scikit-learn says '{error}'; {again}.") from None
    return home


def _copy(source: Path, root: Path, report: Callable[[int, int], object]) -> None:
    files = sorted(source.glob("*/*.jpg"))
    for done, file in enumerate(files, 1):
        target = root / file.relative_to(source)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, target)
        report(done, len(files))


def _check_pairs(root: Path, home: Path) -> None:
    """Unpacking that was interrupted leaves a folder that looks complete; its own list of pairs knows."""
    try:
        read_pairs(root, FolderFaces(root))
    except UserError as error:
        raise UserError(f"{home} is not all of LFW ({error}); remove {home / 'lfw'} and start again.") from None
