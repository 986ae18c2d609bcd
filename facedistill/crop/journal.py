"""What an alignment has done so far, photograph by photograph, so that it can be stopped at any moment and go on."""

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from ..files import write_whole


class Fate(str, Enum):
    """What became of a photograph."""

    ALIGNED = "aligned"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Outcome:
    """A photograph and what became of it."""

    path: str
    """Below the folder of photographs."""
    fate: Fate
    reason: str = ""
    """Why there is no crop."""
    score: float | None = None
    points_px: tuple[tuple[float, float], ...] = ()
    """Five points (x, y) in crop pixels."""


class Journal:
    """One line of JSON a photograph, written when its crop is in place. Threads share it."""

    def __init__(self, file: Path) -> None:
        self.outcomes = {outcome.path: outcome for outcome in _read(file)} if file.exists() else {}
        # A line that was being written when the machine stopped would spoil the next one.
        write_whole(file, "".join(map(_line, self.outcomes.values())).encode())
        self._lines = file.open("a", encoding="ascii")
        self._lock = threading.Lock()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    def add(self, outcome: Outcome) -> None:
        """Files that cannot be read are not written down: they may be repaired, and are tried again."""
        with self._lock:
            self.outcomes[outcome.path] = outcome
            if outcome.fate is not Fate.UNREADABLE:
                self._lines.write(_line(outcome))
                self._lines.flush()


def _line(outcome: Outcome) -> str:
    return json.dumps(asdict(outcome)) + "\n"


def _read(file: Path) -> Iterator[Outcome]:
    for line in file.read_bytes().splitlines():
        try:
            known = json.loads(line)
            points = tuple((float(x), float(y)) for x, y in known.pop("points_px"))
            yield Outcome(**known | {"fate": Fate(known["fate"]), "points_px": points})
        except (ValueError, TypeError, KeyError):
            continue  # half a line
