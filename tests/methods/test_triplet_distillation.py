"""TripletDistillation: every triplet with a margin from its teacher."""

import itertools

import numpy as np
import pytest
import torch
from made_up import arrays, batch, cosine, seen

from facedistill.errors import UserError
from facedistill.methods.triplet_distillation import TripletDistillation
from facedistill.types import UNLABELLED

OWN, WANTED = arrays((7, 5), (7, 8))
LABELS = [0, 1, 0, UNLABELLED, 1, 0, 2]
TRIPLETS = [
    (a, p, n)
    for a, p, n in itertools.permutations(range(7), 3)
    if UNLABELLED not in (LABELS[a], LABELS[n]) and LABELS[a] == LABELS[p] != LABELS[n]
]


def gap(rows, triplet, factor):
    """d(a, p) − d(a, n)."""
    a, p, n = triplet
    return factor * (cosine(rows[a], rows[n]) - cosine(rows[a], rows[p]))


def loop(triplets, factor, low=0.2, high=0.5):
    wider = [max(0, -gap(WANTED, triplet, factor)) for triplet in triplets]
    margins = [low + (high - low) * g / max(wider) for g in wider]
    losses = [max(0, gap(OWN, t, factor) + m) for t, m in zip(triplets, margins, strict=True)]
    return sum(losses) / len(losses)


@pytest.mark.parametrize(("distance", "factor"), [("squared", 2), ("cosine", 1)])
def test_equals_a_plain_loop(distance, factor):
    terms = TripletDistillation(distance=distance)(seen(OWN), seen(WANTED), batch(LABELS))
    assert terms["triplet"].item() == pytest.approx(loop(TRIPLETS, factor), rel=1e-4)


def test_squared_distance_of_unit_vectors_is_twice_one_minus_the_cosine():
    a, b = OWN[0] / np.linalg.norm(OWN[0]), OWN[1] / np.linalg.norm(OWN[1])
    assert np.linalg.norm(a - b) ** 2 == pytest.approx(2 * (1 - cosine(a, b)))


def test_furthest_positives_for_the_teacher():
    furthest = {}
    for a, p, _ in TRIPLETS:
        furthest[a] = min(furthest.get(a, p), p, key=lambda q, a=a: cosine(WANTED[a], WANTED[q]))
    kept = [(a, p, n) for a, p, n in TRIPLETS if furthest[a] == p]
    assert len(kept) < len(TRIPLETS)
    terms = TripletDistillation(positives=1)(seen(OWN), seen(WANTED), batch(LABELS))
    assert terms["triplet"].item() == pytest.approx(loop(kept, 2), rel=1e-4)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 0, 0], 3])
def test_no_triplets(labels):
    own = seen(OWN[:3])
    own.embedding.requires_grad_()
    term = TripletDistillation()(own, seen(WANTED[:3]), batch(labels))["triplet"]
    term.backward()
    assert term.item() == 0
    assert torch.isfinite(own.embedding.grad).all()


@pytest.mark.parametrize("options", [{"margin_min": 0.6}, {"positives": 0}])
def test_options_that_cannot_work(options):
    with pytest.raises(UserError, match="Triplets need"):
        TripletDistillation(**options)
