"""Which files an export consists of."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UserError
from .contract import PRECISIONS, AbstractTarget, target
from .trace import PIXELS


@dataclass(frozen=True)
class Job:
    """One file to write."""

    name: str
    """Of the target."""
    target: AbstractTarget
    precision: str


@dataclass(frozen=True)
class Jobs:
    """All files to write, and what was asked for and is none."""

    wanted: list[Job]
    left_out: list[str]
    """In words."""


def planned(targets: Sequence[str], precisions: Sequence[str], *, in_graph: bool) -> Jobs:
    """Every target in each of the precisions that it knows.

    Raises:
        UserError: an unknown word, packages that are missing, or nothing is left to write.
    """
    strange = [name for name in precisions if name not in PRECISIONS]
    if strange or not precisions or not targets:
        raise UserError(f"--precision takes {', '.join(PRECISIONS)}; it got '{', '.join(strange) or 'nothing'}'.")
    found = {name: target(name) for name in dict.fromkeys(targets)}
    closed = [name for name, each in found.items() if not in_graph and PIXELS not in each.inputs]
    if closed:
        raise UserError(f"Files for {closed[0]} prepare their pixels themselves; leave out --preprocess json.")
    every = [Job(name, each, precision) for name, each in found.items() for precision in dict.fromkeys(precisions)]
    wanted = [job for job in every if job.precision in job.target.precisions]
    if not wanted:
        raise UserError(f"{', '.join(found)} takes no {', '.join(precisions)}; choose another --precision.")
    return Jobs(wanted, [f"{job.name} takes no {job.precision}" for job in every if job not in wanted])
