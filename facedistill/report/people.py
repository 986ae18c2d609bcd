"""The people that a report judges by: drawn strangers, or those of a folder."""

from dataclasses import dataclass
from pathlib import Path

from ..data.contract import AbstractFaces
from ..data.open import open_faces
from ..data.synthetic import DrawnFaces
from ..data.verified import Verified
from ..errors import UserError
from ..evaluate.pairs.det import impostor_pairs
from ..evaluate.pairs.listed import listed_pairs
from ..evaluate.pairs.roc import supported
from ..progress import Display
from ..protocols import open_protocol
from ..protocols.groups import Groups
from ..protocols.verification import Verification
from ..recipe import Recipe
from ..types import UNLABELLED

STRANGERS = {"identities": 80, "images_per_identity": 10, "seed": 1000}
"""Drawn people to judge by; recipes draw theirs from another seed."""

_AS_DEFAULT = {"hardness": 0.6}
_FARS = (1e-2, 1e-3, 1e-4)


@dataclass(frozen=True)
class People:
    """Whom a report judges by."""

    name: str
    """For a reader."""
    protocol: Verification | Groups
    drawn: bool
    """Nobody is shown, so that all may be."""

    @property
    def faces(self) -> AbstractFaces:
        return self.protocol.faces

    @property
    def fars(self) -> tuple[float, ...]:
        """Those that the pairs support, or the highest alone."""
        pairs = impostor_pairs(self.faces.labels)
        return tuple(far for far in _FARS if supported(far, pairs)) or _FARS[:1]


def drawn_people(faces: AbstractFaces) -> People:
    """Drawn faces, with a list of pairs of LFW's form."""
    name = f"{len(faces.identities)} drawn people whom the network has never seen"
    return People(name, Verification(faces, listed_pairs(faces.labels)), drawn=True)


def strangers(recipe: Recipe | None) -> AbstractFaces:
    """Other people, drawn as those of the recipe where it draws any."""
    own = dict(recipe.data.drawn or {}) if recipe is not None else {}
    seed = STRANGERS["seed"] + (own.get("seed") == STRANGERS["seed"])
    drawn = DrawnFaces(**{**_AS_DEFAULT, **own, **STRANGERS, "seed": seed})
    with Display(len(drawn), title="drawing strangers") as display:
        return Verified(drawn, progress=display.advance)


def people_at(path: Path) -> People:
    """The people of a folder with a folder for each, or of a file that says who is who.

    Raises:
        UserError: there is none, or it does not say who is who.
    """
    protocol = open_protocol(path) if path.is_dir() else Verification(open_faces(path), None)
    if not isinstance(protocol, Verification | Groups) or (protocol.faces.labels == UNLABELLED).any():
        raise UserError(f"{path} does not say who is who; a report needs a folder with one folder per person.")
    return People(path.absolute().name, protocol, drawn=False)
