"""Faces in a RecordIO file."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from ...errors import UserError
from ..codec import decode
from ..contract import AbstractFaces, UnreadableImage
from .contents import Contents, Index, read_contents
from .index import parse_index
from .item import image_bytes
from .kept import kept
from .mapped import MappedFile
from .property import read_property


class RecordFaces(AbstractFaces):
    """The images of a ``.rec`` file, in the order of its ``.idx`` (of the keys, where it has a header).

    Without an ``.idx`` the records are walked over. Identities are named by the labels of the file and numbered without
    gaps in their order; unless ``labelled``, no face has one. Processes share the file's memory, which is never copied.

    Raises:
        UserError: a file that is missing, truncated or damaged, an index or a header of other records, a label that is
            no whole number, or more identities than ``property`` has.
    """

    def __init__(self, path: Path, *, labelled: bool = True) -> None:
        self.path = path
        self._file = MappedFile(path)
        contents = kept(path, labelled, lambda: _contents(path, self._file.view, labelled=labelled))
        self._table, self._keys = contents.table, contents.keys
        self.labels = contents.labels
        self.identities = tuple(map(str, contents.own_labels.tolist()))
        _check_property(path, contents.own_labels)

    def payload(self, index: int) -> memoryview:
        """What lies in the file for one crop, header and image, undecoded."""
        return self._table.payload(self._file.view, index)

    def encoded(self, index: int) -> bytes:
        return image_bytes(self.payload(index))

    def image(self, index: int) -> UInt8[np.ndarray, "H W 3"]:
        try:
            return decode(self.encoded(index))
        except UnreadableImage as error:
            raise UnreadableImage(f"{self.path}, record {self.name(index)}: {error}") from None

    def name(self, index: int) -> str:
        """The key."""
        return str(self._keys[index])


def _contents(path: Path, view: memoryview, *, labelled: bool) -> Contents:
    try:
        return read_contents(view, _index(path.with_suffix(".idx")), labelled=labelled)
    except ValueError as error:
        raise UserError(f"{path}: {error}; copy it again, or make it anew with its .idx.") from None


def _index(file: Path) -> Index | None:
    try:
        return parse_index(file.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{file} cannot be opened: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{file}: {error}; copy it again, or remove it and the records are found without.") from None


def _check_property(path: Path, own_labels: np.ndarray) -> None:
    file = path.with_name("property")
    if not file.exists():
        return
    identities = read_property(file).identities
    if len(own_labels) and own_labels[-1] >= identities:
        raise UserError(f"{path} has the label {own_labels[-1]}, and {file} {identities} classes; repair the latter.")
