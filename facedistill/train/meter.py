"""What is noted between two lines of a run's log: images, terms, and the time spent waiting for data."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Meter:
    """Where the time of a run goes, and what the terms were, since the last look."""

    images: int = 0
    waiting_s: float = 0.0
    since: float = field(default_factory=time.monotonic)
    terms: dict[str, float] = field(default_factory=dict)
    steps: int = 0

    def add(self, images: int, waiting_s: float, terms: Mapping[str, float]) -> None:
        self.images += images
        self.waiting_s += waiting_s
        self.steps += 1
        for name, value in terms.items():
            self.terms[name] = self.terms.get(name, 0.0) + value

    def read(self) -> dict[str, float]:
        """Mean terms, images a second, and the share of time spent waiting for data."""
        elapsed_s = max(time.monotonic() - self.since, 1e-9)
        means = {name: value / self.steps for name, value in self.terms.items()}
        return {**means, "images_per_s": self.images / elapsed_s, "data_wait": self.waiting_s / elapsed_s}

    def readings(self) -> dict[str, Any]:
        """All it holds, for ``resumed``."""
        elapsed_s = time.monotonic() - self.since
        about = {"images": self.images, "steps": self.steps, "waiting_s": self.waiting_s, "elapsed_s": elapsed_s}
        return {**about, "terms": dict(self.terms)}

    @classmethod
    def resumed(cls, readings: Mapping[str, Any]) -> "Meter":
        """A meter that goes on where another one was read."""
        since = time.monotonic() - readings["elapsed_s"]
        return cls(readings["images"], readings["waiting_s"], since, dict(readings["terms"]), readings["steps"])
