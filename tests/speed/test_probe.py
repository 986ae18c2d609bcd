"""The search for a speed, on a clock of its own: what a way costs is what its name says."""

import itertools
from collections.abc import Callable, Sequence

import pytest
import torch
from pydantic import BaseModel

from facedistill.speed import measure
from facedistill.speed.probe import Probe

CPU = torch.device("cpu")


class Way(BaseModel):
    layout: str = "plain"
    precision: str = "fine"
    compile: str = "none"


class Machine:
    """Takes so many seconds for a way, and says which ones were tried."""

    def __init__(self, seconds: Callable[[Way], float], compile_s: float = 0.0) -> None:
        self.now, self.tried = 0.0, list[Way]()
        self._seconds, self._compile_s = seconds, compile_s

    def work(self, way: Way) -> measure.Work:
        first = itertools.count()

        def step() -> None:
            if next(first) == 0:
                self.tried.append(way)
                self.now += self._compile_s if way.compile != "none" else 0
            self.now += self._seconds(way)

        return step


def searched(machine: Machine, monkeypatch: pytest.MonkeyPatch, times: int, compiled: Sequence[dict] = ()):
    monkeypatch.setattr(measure.time, "perf_counter", lambda: machine.now)
    changes = [{"layout": "last"}, {"precision": "coarse"}]
    return Probe(machine.work, CPU, times, changes, compiled).search(Way())


def test_every_change_that_is_faster_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(lambda way: (0.2 if way.layout == "last" else 0.4) / (2 if way.precision == "coarse" else 1))
    found = searched(machine, monkeypatch, 10_000)
    assert found.choice == Way(layout="last", precision="coarse")
    assert found.gain == pytest.approx(4)


def test_what_is_slower_or_hardly_faster_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(lambda way: 0.1 * (0.97 if way.layout == "last" else 1) * (2 if way.precision == "coarse" else 1))
    found = searched(machine, monkeypatch, 10_000)
    assert len(machine.tried) == 3, "all were tried"
    assert (found.choice, found.gain) == (Way(), 1.0)


def test_a_short_run_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(lambda way: 0.1 if way == Way() else 0.01)
    assert searched(machine, monkeypatch, 100).choice == Way(), "10 s have no 2 % to spare"
    assert machine.tried == [Way()]


def test_trying_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of 4 s: two to begin with and eight to try a change are 40 s; another eight would be more than a minute."""
    machine = Machine(lambda way: 4.0)
    searched(machine, monkeypatch, 10**6)
    assert machine.tried == [Way(), Way(layout="last")]
    assert machine.now <= 60


@pytest.mark.parametrize(("times", "choice"), [(8_000, "none"), (15_000, "none"), (100_000, "whole")])
def test_compiling_must_pay(monkeypatch: pytest.MonkeyPatch, times: int, choice: str) -> None:
    """A tenth of a step of 0.1 s is gained, and 200 s are spent: even at 20,000 steps, worth a twentieth at 40,000."""
    machine = Machine(lambda way: 0.09 if way.compile == "whole" else 0.1, compile_s=200.0)
    found = searched(machine, monkeypatch, times, [{"compile": "whole"}])
    assert found.choice.compile == choice
    assert (Way(compile="whole") in machine.tried) == (times * 0.1 * 0.1 > 120)


def test_what_does_not_work_is_said_and_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(way: Way) -> float:
        if way.precision == "coarse":
            raise NotImplementedError("no such kernel")
        return 0.1

    found = searched(Machine(seconds), monkeypatch, 10_000)
    assert found.choice == Way()
    assert "no such kernel" in found.said[0]
