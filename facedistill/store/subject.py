"""What a store's answers depend on, so that a training that shows or asks something else is told before it begins."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..backbones.contract import AbstractBackbone
from ..catalogue import find
from ..data.contract import AbstractFaces, UnreadableImage
from ..data.evenly import evenly
from ..data.shown import Shown
from ..errors import UserError
from ..files import file_digest
from ..signature import build, checked, one
from ..teachers.contract import AbstractTeacher

LOOKED_AT = 2048
"""Faces whose pixels a digest covers, spread evenly: all of millions would take minutes."""

BUILD = "build one that fits: facedistill store build RECIPE --out NEW_STORE"
"""What to do with a store that does not."""


def faces_digest(faces: AbstractFaces) -> str:
    """SHA-256 over the number of faces, every label, all identities, and the pixels of up to ``LOOKED_AT`` faces.

    Raises:
        UserError: one of these images cannot be read.
    """
    digest = hashlib.sha256(json.dumps([len(faces), faces.identities]).encode())
    digest.update(np.ascontiguousarray(faces.labels, dtype="<i8").tobytes())
    for index in evenly(len(faces), LOOKED_AT).tolist():
        try:
            pixels = faces.image(index)
        except UnreadableImage as error:
            raise UserError(f"An image cannot be read: {error}; repair or remove it.") from None
        digest.update(str(pixels.shape).encode())
        digest.update(pixels.tobytes())
    return digest.hexdigest()


def shown_words(shown: Shown) -> dict[str, Any]:
    """What decides a view of a face, as plain values."""
    mix = None if shown.mix is None else asdict(shown.mix)
    words: dict[str, Any] = json.loads(json.dumps({"seed": shown.seed, "views": asdict(shown.views), "mix": mix}))
    return words


def teacher_words(choice: Mapping[str, Any], teacher: AbstractTeacher) -> dict[str, Any]:
    """The teacher's choice, its weights' digests and what happens to an image before it looks."""
    network = teacher.network
    return {
        "choice": json.loads(json.dumps(choice, default=str)),
        "files": {str(file): file_digest(file) for file in teacher.files},
        "preprocess": network.preprocess.words if isinstance(network, AbstractBackbone) else "its own",
    }


def check_shown(of: Mapping[str, Any], shown: Shown, store: Path) -> None:
    """Refuse a training that shows other pictures than those that ``store`` is of.

    Raises:
        UserError: names what is different.
    """
    unlike = list(differing(of["shown"], shown_words(shown)))
    if not unlike and of["faces"] != faces_digest(shown.faces):
        unlike = ["data: its faces, their labels or their order"]
    if unlike:
        named = ", ".join(unlike[:4]) + (", ..." if len(unlike) > 4 else "")
        raise UserError(f"The store {store} was built for another {named}; change that back, or {BUILD}")


def check_teacher(held: Mapping[str, Any], asked: Mapping[str, Any] | str | None, store: Path) -> None:
    """Refuse a store of another teacher than ``asked``, or whose teacher has learned since. Files may have moved.

    Raises:
        UserError: says so.
    """
    if asked is not None:
        teacher: AbstractTeacher = build("teachers", AbstractTeacher, asked)
        if _nature(teacher_words(resolved_teacher(asked), teacher)) != _nature(held):
            raise UserError(f"The store {store} holds the answers of another teacher ({held['choice']}); {BUILD}")
        return
    here = {file: Path(file) for file in held["files"] if Path(file).is_file()}
    stale = [file for file, path in here.items() if file_digest(path) != held["files"][file]]
    if stale:
        raise UserError(f"{stale[0]} has changed since the store {store} was built; bring it back, or {BUILD}")


def resolved_teacher(choice: Mapping[str, Any] | str) -> dict[str, Any]:
    """The choice with every default written out."""
    name, options = one(choice, "teacher")
    return {name: checked(find("teachers", AbstractTeacher, name), options, where=name)}


def _nature(teacher: Mapping[str, Any]) -> tuple[Any, ...]:
    """What decides its answers: all but the places of its files."""
    name, options = one(teacher["choice"], "teacher")
    kept = {key: value for key, value in options.items() if key != "weights"}
    return name, kept, list(teacher["files"].values()), teacher["preprocess"]


def differing(held: Mapping[str, Any], asked: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Keys in which two nested mappings differ, with dots."""
    for key in sorted(held.keys() | asked.keys()):
        own, other = held.get(key), asked.get(key)
        if isinstance(own, Mapping) and isinstance(other, Mapping):
            yield from differing(own, other, f"{path}{key}.")
        elif own != other:
            yield f"{path}{key}"
