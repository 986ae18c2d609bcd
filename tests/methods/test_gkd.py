"""GKD: the student's likeliest identities among themselves, and against the rest."""

import numpy as np
import pytest
import torch
from made_up import batch, classifier, seen
from opinions import CENTRES, LABELLED, LABELS, OWN, SCALE, WANTED, Z, answers, kl, softmax

from facedistill.errors import UserError
from facedistill.methods.gkd import GKD

TEMPERATURE, MARGIN = 2.0, 0.4
HEAD = classifier(CENTRES)


def probabilities(row, label):
    cosines = [c - (MARGIN if j == label else 0) for j, c in enumerate(row)]
    return softmax([SCALE * c / TEMPERATURE for c in cosines])


def group(p, label, coverage=None, size=None):
    """The fewest that reach ``coverage``, or the first ``size``; the true one always."""
    order = sorted(range(len(p)), key=lambda j: -p[j])
    chosen, total = [], 0.0
    for j in order:
        if (len(chosen) >= size) if size else (total >= coverage):
            break
        chosen.append(j)
        total += p[j]
    return sorted({*chosen, label})


def loop(**how):
    primary, binary = [], []
    for i in LABELLED:
        label = LABELS[i]
        own, wanted = probabilities(OWN[i], label), probabilities(WANTED[i], label)
        chosen = group(own, label, **how)
        inside = [[p[j] for j in chosen] for p in (own, wanted)]
        shares = [sum(p) for p in inside]
        primary.append(kl(*([x / share for x in p] for p, share in reversed(list(zip(inside, shares, strict=True))))))
        rest = [max(1 - share, 0) for share in shares]
        binary.append(0.0 if len(chosen) == len(own) else kl((shares[1], rest[1]), (shares[0], rest[0])))
    return {name: TEMPERATURE**2 * np.mean(values) for name, values in (("primary", primary), ("binary", binary))}


@pytest.mark.parametrize("coverage", [0.3, 0.6, 0.93])
def test_a_group_by_coverage_equals_a_plain_loop(coverage):
    method = GKD(HEAD, coverage=coverage, temperature=TEMPERATURE, scale=SCALE)
    assert answers(method) == pytest.approx(loop(coverage=coverage), rel=1e-4)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_group_by_size_equals_a_plain_loop(size):
    method = GKD(HEAD, group="size", size=size, temperature=TEMPERATURE, scale=SCALE)
    assert answers(method) == pytest.approx(loop(size=size), rel=1e-4, abs=1e-6)


def test_a_group_of_everybody_leaves_no_rest():
    method = GKD(HEAD, group="size", size=10_000, temperature=TEMPERATURE, scale=SCALE)
    found = answers(method)
    assert found["binary"] == pytest.approx(0, abs=1e-6)
    assert found["primary"] == pytest.approx(loop(size=4)["primary"], rel=1e-4)


def test_nobody_labelled():
    assert answers(GKD(HEAD), 5) == {"primary": 0, "binary": 0}


def test_gradient_is_finite_where_the_rest_is_impossible():
    own = seen(np.zeros((5, 3)), cosines=np.sign(OWN))
    own.extras["cosines"].requires_grad_()
    sum(GKD(HEAD, temperature=0.1)(own, seen(Z), batch(LABELS)).values()).backward()
    assert torch.isfinite(own.extras["cosines"].grad).all()


def test_published_defaults():
    method = GKD(HEAD)
    assert (method.group, method.coverage, method.size, method.temperature) == ("coverage", 0.93, 10_000, 4)
    assert method.margin == pytest.approx(0.4 * 64 / 4)


@pytest.mark.parametrize("options", [{"coverage": 0.0}, {"coverage": 1.5}, {"size": 0}])
def test_options_that_cannot_work(options):
    with pytest.raises(UserError, match="primary group"):
        GKD(HEAD, **options)
