"""STKD: what the teacher says of mixed faces."""

import numpy as np
import pytest
from made_up import arrays, batch, classifier, cosine, seen
from opinions import CENTRES, LABELS, OWN, SCALE, Z, kl, probabilities

from facedistill.methods.stkd import STKD
from facedistill.types import UNLABELLED, Spec

(EMBEDDING,) = arrays((5, 6), seed=1)


def found(labels=LABELS, **options):
    method = STKD(Spec(6), Spec(6), classifier(CENTRES), temperature=2.0, scale=SCALE, **options)
    terms = method(seen(EMBEDDING, cosines=OWN), seen(Z), batch(labels))
    return {name: term.item() for name, term in terms.items()}


def loop(rows):
    own, wanted = probabilities(2.0)
    return {
        "probabilities": 4 * np.mean([kl(wanted[i], own[i]) for i in rows]),
        "embedding": np.mean([1 - cosine(EMBEDDING[i], Z[i]) for i in rows]),
    }


def test_everybody():
    assert found() == pytest.approx(loop(range(5)), rel=1e-4)


def test_only_the_mixed():
    mixed = [i for i, label in enumerate(LABELS) if label == UNLABELLED]
    assert found(samples="unlabelled") == pytest.approx(loop(mixed), rel=1e-4)


def test_nobody_is_mixed():
    assert found([0, 1, 2, 3, 0], samples="unlabelled") == {"probabilities": 0, "embedding": 0}
