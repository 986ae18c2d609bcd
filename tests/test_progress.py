"""What long work says where nobody can watch a bar."""

import pytest

from facedistill import progress
from facedistill.progress import Display, Reporter


class Clock:
    """Seconds as the test wants them."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_a_plain_line_every_half_minute_and_at_the_end(clock: Clock, capsys: pytest.CaptureFixture) -> None:
    with Display(100, title="run") as display:
        for step in range(1, 101):
            clock.now += 1
            display.advance(step, f"loss {step}")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line.rstrip() for line in captured.err.splitlines()] == [
        "run 30/100 loss 30 ETA 70 s",
        "run 60/100 loss 60 ETA 40 s",
        "run 90/100 loss 90 ETA 10 s",
        "run 100/100 loss 100 ETA 0 s",
    ]


def test_what_was_done_before_does_not_flatter_the_estimate(clock: Clock, capsys: pytest.CaptureFixture) -> None:
    with Display(100, done=80, title="run", every_s=1.0) as display:
        clock.now += 10
        display.advance(85)
    assert capsys.readouterr().err.split() == ["run", "85/100", "ETA", "30", "s"]


def test_several_pieces_of_work_take_turns(capsys: pytest.CaptureFixture) -> None:
    with Reporter() as report:
        for name in ("lfw", "agedb"):
            for done in (1, 2):
                report(name, done, 2)
    assert [line.split()[:2] for line in capsys.readouterr().err.splitlines()] == [["lfw", "2/2"], ["agedb", "2/2"]]
