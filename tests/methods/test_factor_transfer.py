"""FT: a paraphraser that learns from the teacher, and a student that learns from its factors."""

import numpy as np
import pytest
import torch
from made_up import batch, seen
from maps import MAPS, OWN, STUDENT, TEACHER, WANTED, answers, moved

from facedistill.errors import UserError
from facedistill.methods.factor_transfer import FactorTransfer


def factors(method, own=1, wanted=1):
    """F_S, F_T and what the paraphraser makes of F_T, as the method's own layers give them."""
    with torch.no_grad():
        F_S = method.translate(torch.tensor(MAPS[own], dtype=torch.float32))
        F_T = method.encode(torch.tensor(MAPS[2 + wanted], dtype=torch.float32))
        back = method.decode(F_T)
    return moved(F_S.numpy(), STUDENT, own, TEACHER, wanted), F_T.numpy(), back.numpy()


@pytest.mark.parametrize("norm", [1, 2])
def test_equals_a_plain_loop(norm):
    method = FactorTransfer(STUDENT, TEACHER, norm=norm)
    F_S, F_T, back = factors(method)
    gaps = []
    for a, b in zip(F_S, F_T, strict=True):
        gaps += list((a / np.sqrt((a**2).sum()) - b / np.sqrt((b**2).sum())).flatten())
    lost = (MAPS[3] - back).flatten()
    assert answers(method) == {
        "factor": pytest.approx(sum(abs(gap) ** norm for gap in gaps) / len(gaps), rel=1e-4),
        "reconstruction": pytest.approx(sum(gap**2 for gap in lost) / len(lost), rel=1e-4),
    }


@pytest.mark.parametrize(("rate", "channels"), [(0.5, 2), (0.75, 3), (1.0, 4), (0.01, 1)])
def test_a_factor_has_a_share_of_the_channels(rate, channels):
    method = FactorTransfer(STUDENT, TEACHER, stage=0, teacher_stage=0, rate=rate)
    F_S, F_T, _ = factors(method, 0, 0)
    assert F_S.shape == F_T.shape == (2, channels, 4, 4)


def test_each_term_has_its_own_pupils():
    method = FactorTransfer(STUDENT, TEACHER)
    nothing = np.zeros((2, 8))
    terms = method(seen(nothing, *OWN), seen(nothing, *WANTED), batch(2))
    for term, pupils in (("factor", {"translate"}), ("reconstruction", {"encode", "decode"})):
        method.zero_grad()
        terms[term].backward(retain_graph=True)
        assert {name.partition(".")[0] for name, value in method.named_parameters() if value.grad is not None} == pupils


def test_the_paraphraser_learns_to_speak():
    torch.manual_seed(0)
    method = FactorTransfer(STUDENT, TEACHER, rate=1.0)
    before = answers(method)["reconstruction"]
    optimiser = torch.optim.Adam(method.parameters(), lr=0.02)
    nothing = np.zeros((2, 8))
    for _ in range(60):
        optimiser.zero_grad()
        method(seen(nothing, *OWN), seen(nothing, *WANTED), batch(2))["reconstruction"].backward()
        optimiser.step()
    assert answers(method)["reconstruction"] < 0.5 * before


def test_a_factor_needs_channels():
    with pytest.raises(UserError, match="above 0"):
        FactorTransfer(STUDENT, TEACHER, rate=0.0)
