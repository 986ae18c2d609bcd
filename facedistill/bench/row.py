"""One line of a table of speeds: a figure of ours, what it stands beside, and the promise that it must keep."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Row:
    """``ratio`` is the one number that is judged, and the more the better: ours over what it is promised against."""

    key: str
    """Area and name, such as ``load.mirror``."""
    what: str
    unit: str
    ours: float
    eager: float | None = None
    """The same work as it is usually written, measured in the same run."""
    limit: float | None = None
    """What the machine could do at most, measured in the same run."""
    ratio: float
    target: float
    """Of ``ratio``."""

    @property
    def met(self) -> bool:
        return self.ratio >= self.target

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


def beside(
    key: str, what: str, unit: str, ours: float, eager: float, target: float, *, limit: float | None = None
) -> Row:
    """A rate that must be ``target`` times the eager one."""
    return Row(key=key, what=what, unit=unit, ours=ours, eager=eager, limit=limit, ratio=ours / eager, target=target)


def near(key: str, what: str, unit: str, ours: float, limit: float, target: float) -> Row:
    """A rate that must be this share of what is possible."""
    return Row(key=key, what=what, unit=unit, ours=ours, limit=limit, ratio=ours / limit, target=target)


def at_least(
    key: str,
    what: str,
    unit: str,
    ours: float,
    wanted: float,
    *,
    eager: float | None = None,
    limit: float | None = None,
) -> Row:
    """A rate that must reach a number."""
    return Row(key=key, what=what, unit=unit, ours=ours, eager=eager, limit=limit, ratio=ours / wanted, target=1.0)


def at_most(key: str, what: str, unit: str, ours: float, wanted: float, *, eager: float | None = None) -> Row:
    """A time that must stay below a number."""
    return Row(key=key, what=what, unit=unit, ours=ours, eager=eager, ratio=wanted / ours, target=1.0)
