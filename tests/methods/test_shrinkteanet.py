"""ShrinkTeaNet: squared angular loss, on embeddings and cell by cell on stages."""

import numpy as np
import pytest
from made_up import arrays, batch, cosine, seen

from facedistill.errors import UserError
from facedistill.methods.shrinkteanet import ShrinkTeaNet
from facedistill.types import Spec, Stage

COARSE, FINE = Stage(4, (2, 2)), Stage(4, (4, 4))
OWN, WANTED = arrays((3, 8), (3, 8))
OWN_MAP, WANTED_MAP = arrays((3, 4, 2, 2), (3, 4, 4, 4), seed=1)


def squared_gap(a, b):
    return (1 - cosine(a, b)) ** 2


def pooled(stage):
    """Means of 2x2 cells."""
    return np.array(
        [
            [[[np.mean(c[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]) for j in range(2)] for i in range(2)] for c in sample]
            for sample in stage
        ]
    )


def on_cells(own, wanted):
    gaps = [squared_gap(own[n, :, i, j], wanted[n, :, i, j]) for n in range(3) for i in range(2) for j in range(2)]
    return sum(gaps) / len(gaps)


@pytest.mark.parametrize("student_is_coarser", [True, False])
def test_equals_plain_loops(student_is_coarser):
    specs, maps = [Spec(8, (COARSE,)), Spec(8, (FINE,))], [OWN_MAP, WANTED_MAP]
    expected = on_cells(OWN_MAP, pooled(WANTED_MAP))
    if not student_is_coarser:
        specs, maps = specs[::-1], maps[::-1]
    terms = ShrinkTeaNet(*specs)(seen(OWN, maps[0]), seen(WANTED, maps[1]), batch(3))
    assert terms["embedding"].item() == pytest.approx(
        np.mean([squared_gap(a, b) for a, b in zip(OWN, WANTED, strict=True)]), rel=1e-5
    )
    assert terms["intermediate"].item() == pytest.approx(expected, rel=1e-4)


def test_mean_over_pairs():
    spec = Spec(8, (COARSE, COARSE))
    own, wanted = arrays((3, 4, 2, 2), (3, 4, 2, 2), seed=2)
    features = seen(OWN, OWN_MAP, own), seen(WANTED, own, wanted)
    both = ShrinkTeaNet(spec, spec)(*features, batch(3))["intermediate"].item()
    assert both == pytest.approx((on_cells(OWN_MAP, own) + on_cells(own, wanted)) / 2, rel=1e-4)
    one = ShrinkTeaNet(spec, spec, pairs=((0, 1),))(*features, batch(3))["intermediate"].item()
    assert one == pytest.approx(on_cells(OWN_MAP, wanted), rel=1e-4)


def test_opposite_direction_costs_four():
    terms = ShrinkTeaNet(Spec(8, (FINE,)), Spec(8, (FINE,)))(seen(-OWN, -WANTED_MAP), seen(OWN, WANTED_MAP), batch(3))
    assert {name: term.item() for name, term in terms.items()} == {
        "embedding": pytest.approx(4, rel=1e-5),
        "intermediate": pytest.approx(4, rel=1e-5),
    }


def test_a_stage_that_is_not_there():
    with pytest.raises(UserError, match="no stage 3"):
        ShrinkTeaNet(Spec(8, (COARSE,)), Spec(8, (FINE,)), pairs=((3, 0),))
