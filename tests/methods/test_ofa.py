"""OFA-KD: exits into the teacher's logit space, and a target that counts more."""

import numpy as np
import pytest
import torch
from made_up import arrays, batch, classifier, cosine, seen, tensor
from opinions import softmax

from facedistill.align.exits import Exit
from facedistill.errors import UserError
from facedistill.methods.ofa import OFAKD
from facedistill.types import UNLABELLED, Spec, Stage

STUDENT = Spec(8, (Stage(3, (8, 8)), Stage(5, (2, 2))))
CENTRES, OWN, WANTED, FINE, COARSE = arrays((6, 8), (4, 8), (4, 8), (4, 3, 8, 8), (4, 5, 2, 2))
LABELS = [2, UNLABELLED, 0, 5]
SCALE = 5.0


def loop(own, gamma, chosen=range(6)):
    losses = []
    for z, aim, label in zip(own, WANTED, LABELS, strict=True):
        p_own, p = (softmax([SCALE * cosine(x, CENTRES[k]) for k in chosen]) for x in (z, aim))
        losses.append(
            -sum(((1 + p[i]) ** gamma if k == label else p[i]) * np.log(p_own[i]) for i, k in enumerate(chosen))
        )
    return np.mean(losses)


def distilled(**options):
    method = OFAKD(STUDENT, classifier(CENTRES), scale=SCALE, **options)
    terms = method(seen(OWN, FINE, COARSE), seen(WANTED), batch(LABELS))
    with torch.no_grad():
        maps = [tensor(FINE), tensor(COARSE)]
        exits = [leave(maps[s]).double().numpy() for leave, s in zip(method.exits, method.stages, strict=True)]
    return method, exits, {name: term.item() for name, term in terms.items()}


@pytest.mark.parametrize("gamma", [1.0, 1.5])
def test_equals_a_plain_loop(gamma):
    _, exits, found = distilled(gamma=gamma)
    assert len(exits) == 2
    assert found["embedding"] == pytest.approx(loop(OWN, gamma), rel=1e-4)
    assert found["exits"] == pytest.approx(sum(loop(each, gamma) for each in exits), rel=1e-4)


def test_chosen_stages():
    method, (only,), found = distilled(stages=[-1])
    assert method.stages == [1]
    assert found["exits"] == pytest.approx(loop(only, 1.0), rel=1e-4)


def test_sampled_identities_hold_the_batchs_and_the_likeliest():
    method, _, found = distilled(sampled=4)
    opinions = np.mean([softmax([SCALE * cosine(z, w) for w in CENTRES]) for z in WANTED], axis=0)
    ordered = sorted((k for k in range(6) if k not in LABELS), key=lambda k: -opinions[k])
    likeliest = max(range(6), key=lambda k: opinions[k])
    kept = [2, 0, 5, *([likeliest] if likeliest not in LABELS else []), *ordered]
    chosen = sorted([*dict.fromkeys(kept)][:4])
    p_T = torch.tensor([softmax([SCALE * cosine(z, w) for w in CENTRES]) for z in WANTED]).float()
    assert sorted(method._chosen(p_T, torch.tensor(LABELS)).tolist()) == chosen
    assert found["embedding"] == pytest.approx(loop(OWN, 1.0, chosen), rel=1e-4)


def test_an_exit_ends_on_the_last_stages_grid():
    leave = Exit(STUDENT, 0, 8)
    assert leave.down(torch.randn(2, 3, 8, 8)).shape == (2, 3, 2, 2)
    assert len(Exit(STUDENT, 1, 8).down) == 0
    assert len(Exit(Spec(8, (Stage(3, (28, 28)), Stage(5, (3, 3)))), 0, 8).down) == 3


@pytest.mark.parametrize("options", [{"sampled": -3}, {"stages": []}, {"temperature": 0.0}])
def test_options_that_cannot_work(options):
    with pytest.raises(UserError, match="OFA-KD needs"):
        OFAKD(STUDENT, classifier(CENTRES), **options)


def test_a_stage_that_is_not_there():
    with pytest.raises(UserError, match="no stage 4"):
        OFAKD(STUDENT, classifier(CENTRES), stages=[4])
