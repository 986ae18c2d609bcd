"""CRD: which of all samples is this one."""

import math

import numpy as np
import pytest
import torch
from made_up import arrays, seen

from facedistill.errors import UserError
from facedistill.methods.crd import CRD
from facedistill.types import UNLABELLED, Batch, Features, Spec

EMBEDDINGS = arrays((4, 5), (4, 8), (4, 5), (4, 8))
INDEX = [[10, 11, 12, 13], [14, 10, 15, 16]]
LABELS = [[0, 1, 1, UNLABELLED], [0, 0, 2, UNLABELLED]]


def batch(step):
    labels, index = torch.tensor(LABELS[step]), torch.tensor(INDEX[step])
    return Batch(labels, index, torch.zeros(4, dtype=torch.int64), torch.tensor(0.5))


def value(method, step):
    terms = method(seen(EMBEDDINGS[2 * step]), seen(EMBEDDINGS[2 * step + 1]), batch(step))
    assert list(terms) == ["contrast"]
    return terms["contrast"].item()


def directions(method, step):
    """g of both networks by the method's own layers."""
    for layer, rows in ((method.own, EMBEDDINGS[2 * step]), (method.wanted, EMBEDDINGS[2 * step + 1])):
        mapped = rows @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
        yield [row / math.hypot(*row) for row in mapped]


def sample(index, label, own, wanted):
    return {"index": index, "label": label, "own": own, "wanted": wanted}


def samples(method, step):
    return [sample(*each) for each in zip(INDEX[step], LABELS[step], *directions(method, step), strict=True)]


def negatives(one, everybody):
    known = one["label"] != UNLABELLED
    return [
        other
        for other in everybody
        if other["index"] != one["index"] and not (known and other["label"] == one["label"])
    ]


def powers(one, others, asks, answers, temperature):
    return [math.exp(float(one[asks] @ other[answers]) / temperature) for other in others]


SIDES = (("own", "wanted"), ("wanted", "own"))


def constants(method, step):
    """c of both sides, from the first batch."""
    everybody = samples(method, step)
    return [
        np.mean([p for one in everybody for p in powers(one, negatives(one, everybody), *side, method.temperature)])
        for side in SIDES
    ]


def loop(method, step, earlier, found):
    loss, now = 0, samples(method, step)
    for side, c in zip(SIDES, found, strict=True):
        for one in now:
            others = negatives(one, now + earlier)
            (same,) = powers(one, [one], *side, method.temperature)
            loss -= math.log(same / (same + len(others) * c)) / 4
            for power in powers(one, others, *side, method.temperature):
                loss -= math.log(1 - power / (power + len(others) * c)) / 4
    return loss


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_equals_a_plain_loop(temperature):
    torch.manual_seed(0)
    method = CRD(Spec(5), Spec(8), width=6, temperature=temperature, bank=7)
    found = constants(method, 0)
    assert value(method, 0) == pytest.approx(loop(method, 0, [], found), rel=1e-4)
    assert method.log_constants.exp().tolist() == pytest.approx(found, rel=1e-4)
    earlier = samples(method, 0)
    assert value(method, 1) == pytest.approx(loop(method, 1, earlier, found), rel=1e-4)
    assert method.log_constants.exp().tolist() == pytest.approx(found, rel=1e-4), "the first batch has said it"
    assert sorted(method.bank.index.tolist()) == sorted([*INDEX[0], *INDEX[1]][1:])


def test_without_a_bank_only_the_batch_counts():
    method = CRD(Spec(5), Spec(8), width=6, bank=0)
    found = constants(method, 0)
    value(method, 0)
    assert value(method, 1) == pytest.approx(loop(method, 1, [], found), rel=1e-4)


def test_looking_changes_nothing():
    method = CRD(Spec(5), Spec(8), width=6, bank=7).eval()
    before = {name: tensor.clone() for name, tensor in method.state_dict().items()}
    assert value(method, 0) == pytest.approx(loop(method, 0, [], constants(method, 0)), rel=1e-4)
    assert all(torch.equal(before[name], tensor) for name, tensor in method.state_dict().items())


def test_the_way_back_survives_the_bank_moving_on():
    method = CRD(Spec(5), Spec(8), width=6, bank=4)
    for step in (0, 1):
        own = torch.tensor(EMBEDDINGS[2 * step], dtype=torch.float32, requires_grad=True)
        method(Features(own), seen(EMBEDDINGS[2 * step + 1]), batch(step))["contrast"].backward()
        assert own.grad.isfinite().all()
        assert own.grad.any()


def test_one_person_alone_has_no_negatives():
    method = CRD(Spec(5), Spec(8), width=6, bank=4)
    alone = Batch(torch.zeros(4, dtype=torch.int64), *(torch.zeros(4, dtype=torch.int64),) * 2, torch.tensor(0.5))
    own = torch.zeros(4, 5, requires_grad=True)
    term = method(Features(own), seen(EMBEDDINGS[1]), alone)["contrast"]
    term.backward()
    assert term.item() == 0
    assert own.grad.isfinite().all()
    assert math.isfinite(value(method, 1)), "the next batch says how large e^s is"
    assert method.log_constants.isfinite().all()


def test_published_defaults():
    method = CRD(Spec(5), Spec(8))
    assert (method.temperature, method.own.out_features, len(method.bank.index)) == (0.07, 128, 16_384)


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"bank": -1}])
def test_what_makes_no_contrast(options):
    with pytest.raises(UserError, match="CRD needs"):
        CRD(Spec(5), Spec(8), **options)
