"""CoupleFace: no closer to strangers than the teacher is."""

import numpy as np
import pytest
from made_up import arrays, batch, classifier, cosine, seen

from facedistill.errors import UserError
from facedistill.methods.coupleface import CoupleFace
from facedistill.types import UNLABELLED, Spec

CENTRES, OWN, WANTED = arrays((6, 8), (5, 8), (5, 8))
LABELS = [2, UNLABELLED, 0, 3, 5]


def loop(relations, slack):
    excess, gaps = [], []
    for own, wanted, label in zip(OWN, WANTED, LABELS, strict=True):
        strangers = [k for k in range(6) if k != label]
        strangers.sort(key=lambda k, wanted=wanted: -cosine(wanted, CENTRES[k]))
        mined = strangers[:relations]
        excess += [max(0, cosine(own, CENTRES[k]) - cosine(wanted, CENTRES[k]) - slack) for k in mined]
        gaps.append(np.sum((own / np.linalg.norm(own) - wanted / np.linalg.norm(wanted)) ** 2))
    return {"consistency": np.mean(gaps) / 2, "relation": np.mean(excess)}


@pytest.mark.parametrize(("relations", "slack"), [(1, 0.0), (3, 0.1), (5, 0.03)])
def test_equals_a_plain_loop(relations, slack):
    method = CoupleFace(Spec(8), classifier(CENTRES), relations=relations, slack=slack)
    terms = method(seen(OWN), seen(WANTED), batch(LABELS))
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(loop(relations, slack), rel=1e-4)


def test_ones_own_person_is_no_stranger():
    method = CoupleFace(Spec(8), classifier(CENTRES), relations=100)
    assert method.relations == 5
    terms = method(seen(CENTRES), seen(-CENTRES), batch([0, 1, 2, 3, 4, 5]))
    apart = [max(0, 2 * cosine(a, b) - 0.03) for i, a in enumerate(CENTRES) for j, b in enumerate(CENTRES) if i != j]
    assert terms["relation"].item() == pytest.approx(np.mean(apart), rel=1e-4)


def test_a_copy_of_the_teacher_costs_nothing():
    terms = CoupleFace(Spec(8), classifier(CENTRES))(seen(2 * WANTED), seen(WANTED), batch(LABELS))
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {"consistency": 0, "relation": 0}, abs=1e-6
    )


def test_a_single_identity():
    with pytest.raises(UserError, match="other identities"):
        CoupleFace(Spec(8), classifier(CENTRES[:1]))
