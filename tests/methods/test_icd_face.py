"""ICD-Face: two distributions of positive similarities."""

import numpy as np
import pytest
from made_up import arrays, batch, classifier, cosine, seen

from facedistill.errors import UserError
from facedistill.methods.icd_face import ICDFace
from facedistill.types import UNLABELLED, Spec

CENTRES, OWN, WANTED = arrays((4, 8), (2, 6, 5), (2, 6, 8))
LABELS = [[0, 1, 0, UNLABELLED, 2, 0], [1, 0, 3, 1, UNLABELLED, 3]]
STEP = 0.01


def method(**options):
    return ICDFace(Spec(5), Spec(8), classifier(CENTRES), step=STEP, **options)


def density(similarities):
    points = np.linspace(-1, 1, 201)
    mass = np.array([sum(np.exp(-50 * (s - n) ** 2) for s in similarities) for n in points])
    return mass / mass.sum()


def divergence(pairs):
    """Pairs: ((student, student), (teacher, teacher))."""
    own, wanted = (density([cosine(*pair[side]) for pair in pairs]) for side in range(2))
    return sum(q * np.log(q / p) for p, q in zip(own, wanted, strict=True))


def pairs_of_steps(places, steps):
    """Each face of the last step with the newest faces of its person, itself left out."""
    kept = {}
    for step in range(steps):
        for i, label in enumerate(LABELS[step]):
            kept[label] = [*kept.get(label, []), (step, i)][-places:]
    now = steps - 1
    return [
        tuple((rows[now][i], rows[s][j]) for rows in (OWN, WANTED))
        for i, label in enumerate(LABELS[now])
        if label != UNLABELLED
        for s, j in kept[label]
        if (s, j) != (now, i)
    ]


@pytest.mark.parametrize("places", [1, 2, 5])
def test_equals_a_plain_loop(places):
    distils = method(places=places)
    for step in range(2):
        pairs = pairs_of_steps(places, step + 1)
        found = distils(seen(OWN[step]), seen(WANTED[step]), batch(LABELS[step]))["distribution"].item()
        assert found == pytest.approx(divergence(pairs), rel=1e-3)


def test_old_faces_no_longer_count():
    short = method(valid_steps=1)
    for step in range(2):
        found = short(seen(OWN[step]), seen(WANTED[step]), batch(LABELS[step]))["distribution"].item()
    fresh = method()(seen(OWN[1]), seen(WANTED[1]), batch(LABELS[1]))["distribution"].item()
    assert found == pytest.approx(fresh, rel=1e-4)


def test_equal_similarities_cost_nothing():
    distils = ICDFace(Spec(8), Spec(8), classifier(CENTRES))
    terms = distils(seen(3 * WANTED[0]), seen(WANTED[0]), batch(LABELS[0]))
    assert terms["distribution"].item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("labels", [[0, 1, 2, 3, UNLABELLED, UNLABELLED], 6])
def test_no_positive_pair(labels):
    own = seen(OWN[0])
    own.embedding.requires_grad_()
    term = method()(own, seen(WANTED[0]), batch(labels))["distribution"]
    term.backward()
    assert term.item() == pytest.approx(0, abs=1e-6)
    assert own.embedding.grad.isfinite().all()


def test_published_defaults():
    default = ICDFace(Spec(5), Spec(8), classifier(CENTRES))
    assert (len(default.points), default.bank.places, default.bank.valid_steps, default.sharpness) == (2001, 5, 200, 50)


def test_options_that_cannot_work():
    with pytest.raises(UserError, match="above 0"):
        method(places=0)
