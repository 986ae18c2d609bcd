"""Unified KD: the hardest samples, and the hardest pairs with a memory."""

import itertools

import numpy as np
import pytest
from made_up import arrays, batch, cosine, seen

from facedistill.errors import UserError
from facedistill.methods.unified_kd import UnifiedKD
from facedistill.types import Spec

OWN, WANTED = arrays((2, 6, 8), (2, 6, 8))
SPEC = Spec(8)


def hardest(values, share):
    values = sorted(values, reverse=True)
    return np.mean(values[: max(1, round(share * len(values)))])


def gaps(step):
    """Squared gaps of the pairs of a step, and of its faces with those of the steps before."""
    rows = [(step, i) for i in range(6)]
    before = [(s, i) for s in range(step) for i in range(6)]
    pairs = [*itertools.combinations(rows, 2), *itertools.product(rows, before)]
    return [(cosine(OWN[a], OWN[b]) - cosine(WANTED[a], WANTED[b])) ** 2 for a, b in pairs]


@pytest.mark.parametrize(("samples", "pairs"), [(0.5, 0.1), (1.0, 1.0), (0.01, 0.01)])
def test_equals_plain_loops(samples, pairs):
    method = UnifiedKD(SPEC, SPEC, hard_samples=samples, hard_pairs=pairs, memory=9)
    first = method(seen(OWN[0]), seen(WANTED[0]), batch(6))
    second = method(seen(OWN[1]), seen(WANTED[1]), batch(6))
    for step, terms in enumerate((first, second)):
        instance = [1 - cosine(a, b) for a, b in zip(OWN[step], WANTED[step], strict=True)]
        assert terms["instance"].item() == pytest.approx(hardest(instance, samples), rel=1e-4)
        assert terms["pairwise"].item() == pytest.approx(hardest(gaps(step), pairs), rel=1e-4)


def test_judging_remembers_nothing():
    method = UnifiedKD(SPEC, SPEC).eval()
    method(seen(OWN[0]), seen(WANTED[0]), batch(6))
    assert not method.memory.filled.any()


def test_a_copy_of_the_teacher_costs_nothing():
    terms = UnifiedKD(SPEC, SPEC)(seen(3 * WANTED[0]), seen(WANTED[0]), batch(6))
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {"instance": 0, "pairwise": 0}, abs=1e-6
    )


@pytest.mark.parametrize("options", [{"hard_samples": 0.0}, {"hard_pairs": 1.5}, {"memory": 0}])
def test_options_that_cannot_work(options):
    with pytest.raises(UserError, match="Unified KD needs"):
        UnifiedKD(SPEC, SPEC, **options)
