"""Who judges the networks of a comparison: benchmarks on disk, people kept out of training, and drawn strangers."""

from collections.abc import Callable

import numpy as np

from ..data.contract import AbstractFaces
from ..data.pairs import FOLDS
from ..data.split import split_identities
from ..data.synthetic import DrawnFaces
from ..data.verified import Verified
from ..errors import UserError
from ..evaluate.pairs.listed import listed_pairs
from ..progress import Display
from ..protocols import open_protocol
from ..protocols.contract import AbstractProtocol
from ..protocols.verification import Verification
from ..signature import call
from ..train.assemble import all_faces
from .file import Judging
from .plan import Plan


def open_benchmarks(judging: Judging, planned: Plan) -> dict[str, AbstractProtocol]:
    """Every benchmark that a comparison names, opened before anything trains.

    Raises:
        UserError: what a benchmark says of its files; drawn people who are those of a training; one whose figures
            cannot be paired.
    """
    opened = {name: open_protocol(path) for name, path in judging.benchmarks.items()}
    for name, protocol in opened.items():
        _check_paired(name, protocol, sides=bool(judging.gallery or judging.resolutions_px))
    made: dict[str, Callable[[Judging, Plan], AbstractFaces]] = {}
    if judging.drawn is not None:
        made["drawn"] = _strangers
    if judging.validation:
        made["validation"] = _kept_out
    if taken := made.keys() & opened:
        name = min(taken)
        raise UserError(f"'judge.benchmarks' has one called '{name}', which 'judge.{name}' is; call it otherwise.")
    return {**{name: _listed(name, faces(judging, planned)) for name, faces in made.items()}, **opened}


def _strangers(judging: Judging, planned: Plan) -> DrawnFaces:
    options = {**(planned.base.data.drawn or {}), **(judging.drawn or {})}
    faces: DrawnFaces = call(DrawnFaces, options, where="judge.drawn")
    for run in (planned.base, *(run.recipe for run in planned.runs)):
        if run.data.drawn is not None and run.data.drawn["seed"] == faces.seed:
            raise UserError(f"'judge.drawn' has the seed {faces.seed} of the trainings and would show the same people.")
    return faces


def _kept_out(judging: Judging, planned: Plan) -> AbstractFaces:
    data = planned.base.data
    if not data.validation_identities:
        raise UserError(
            "'judge.validation' needs people kept out of training; give changes.data.validation_identities a number."
        )
    return split_identities(all_faces(data), data.validation_identities, data.validation_seed)[1]


def _listed(name: str, faces: AbstractFaces) -> Verification:
    """People with a list of pairs of LFW's form."""
    images = np.bincount(faces.labels)
    if len(images) < 2 * FOLDS or images.min() < 2:
        raise UserError(
            f"'judge.{name}' has {len(images)} people with {images.min()} images or more; ten folds of pairs need "
            f"{2 * FOLDS} people with 2 images or more."
        )
    with Display(len(faces), title=f"reading {name} people") as display:
        shown = Verified(faces, progress=display.advance)
    return Verification(shown, listed_pairs(shown.labels))


def _check_paired(name: str, protocol: AbstractProtocol, *, sides: bool) -> None:
    if type(protocol).measure is AbstractProtocol.measure:
        raise unpaired(name)
    if sides and type(protocol).measure_between is AbstractProtocol.measure_between:
        raise UserError(
            f"Benchmark '{name}' knows no queries and no gallery; leave it out of 'judge.benchmarks', or leave out "
            "'judge.gallery' and 'judge.resolutions_px'."
        )


def unpaired(name: str) -> UserError:
    """For a benchmark that gives no differences between networks."""
    return UserError(f"The figures of benchmark '{name}' cannot be paired; leave it out of 'judge.benchmarks'.")
