"""Learning rates against formulas written out again."""

import math

import pytest

from facedistill.train.schedule import cosine, poly, step

STEPS, EPOCHS = 200, 20


def test_cosine_warms_up_and_ends_near_its_floor() -> None:
    rate = cosine(STEPS, EPOCHS, warmup_epochs=4.0, floor=0.1)
    for now in range(STEPS):
        share = (now - 40) / 160
        expected = (now + 1) / 41 if now < 40 else 0.1 + 0.45 * (1 + math.cos(math.pi * share))
        assert rate(now) == pytest.approx(expected, rel=1e-12)
    assert rate(40) == 1
    assert rate(STEPS - 1) < 0.1001


def test_poly_is_a_power_of_what_is_left() -> None:
    rate = poly(STEPS, EPOCHS, power=2.0)
    assert [rate(now) for now in (0, 50, 199)] == pytest.approx([1, 0.75**2, 0.005**2])
    warmed = poly(STEPS, EPOCHS, warmup_epochs=1.0, power=1.0)
    assert [warmed(now) for now in (0, 9, 10, 105)] == pytest.approx([1 / 11, 10 / 11, 1, 0.5])


def test_step_falls_at_each_epoch_named() -> None:
    rate = step(STEPS, EPOCHS, at_epochs=(8.0, 14.0), factor=0.1)
    fallen = {79: 1, 80: 0.1, 139: 0.1, 140: 0.01, 199: 0.01}
    assert {now: rate(now) for now in fallen} == pytest.approx(fallen)
    assert step(STEPS, EPOCHS, at_epochs=(8.0,), warmup_epochs=2.0)(0) == pytest.approx(1 / 21)


@pytest.mark.parametrize("schedule", [cosine, poly])
def test_a_warm_up_as_long_as_training_never_divides_by_nothing(schedule) -> None:
    rate = schedule(5, 1, warmup_epochs=1.0)
    assert [rate(now) for now in range(5)] == pytest.approx([k / 6 for k in range(1, 6)])
