"""Partial FC: which centres take part in a step, what it costs, and who gets a gradient."""

import copy

import pytest
import torch
import torch.nn.functional as F

from facedistill.errors import UserError
from facedistill.heads.adaface import AdaFace
from facedistill.heads.arcface import ArcFace
from facedistill.heads.cosface import CosFace
from facedistill.heads.inherited import Inherited
from facedistill.heads.softmax import Softmax
from facedistill.teachers.classifier import TeacherClassifier
from facedistill.types import UNLABELLED

IDENTITIES, WIDTH = 2000, 8
LABELS = torch.tensor([3, 1999, UNLABELLED, 3, 0])
ALL_BUT_ONE = 1 - 1e-12
"""A share that leaves nobody out, by chance too."""


def head(rate: float, seed: int = 0) -> Softmax:
    torch.manual_seed(seed)
    return Softmax(WIDTH, IDENTITIES, scale=8.0, sample_rate=rate)


def embedding() -> torch.Tensor:
    return torch.randn(len(LABELS), WIDTH, generator=torch.Generator().manual_seed(1)).requires_grad_()


def taking_part(built: Softmax) -> torch.Tensor:
    """Numbers of the centres with a gradient, after a step."""
    built.centres.grad = None
    built(embedding(), LABELS).backward()
    return built.centres.grad.coalesce().indices()[0]


def test_own_centres_always_take_part_and_others_by_chance() -> None:
    built = head(0.1)
    first, second = taking_part(built), taking_part(built)
    for kept in (first, second):
        assert {0, 3, 1999} <= set(kept.tolist())
        assert 150 < len(kept) < 250, "a tenth of 2,000, give or take four deviations of 13"
    both = set(first.tolist()) & set(second.tolist())
    assert len(both) < 50, "the next step asks others: a hundredth by chance"
    times = torch.zeros(IDENTITIES)
    for _ in range(100):
        times[taking_part(built)] += 1
    rest = times[[number for number in range(IDENTITIES) if number not in (0, 3, 1999)]]
    assert rest.min() >= 0
    assert rest.max() < 30, "nobody is asked much more often than the others"
    assert rest.mean().item() == pytest.approx(10, abs=0.4)
    # Neighbours are asked independently of each other: two at once one time in a hundred.
    assert rest.var().item() == pytest.approx(9, rel=0.15)


def test_costs_what_the_softmax_over_those_that_take_part_costs() -> None:
    built, z = head(0.1), embedding()
    kept = taking_part(copy.deepcopy(built)).tolist()
    loss = built(z, LABELS)
    cos = F.normalize(z) @ F.normalize(built.centres[kept]).T
    own = [(row, kept.index(int(label))) for row, label in enumerate(LABELS) if label != UNLABELLED]
    wanted = sum((8 * cos[row]).logsumexp(0) - 8 * cos[row, place] for row, place in own)
    torch.testing.assert_close(loss, wanted / len(own), rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", [AdaFace, ArcFace, CosFace, Softmax])
def test_sampling_everybody_is_the_full_loss(kind: type) -> None:
    torch.manual_seed(0)
    full, sampled = kind(WIDTH, 50), kind(WIDTH, 50, sample_rate=ALL_BUT_ONE)
    sampled.load_state_dict({**full.state_dict(), "turn": torch.tensor(5)})
    labels = LABELS.clamp_max(49)
    z, twin = embedding(), embedding()
    loss, wanted = sampled(z, labels), full(twin, labels)
    loss.backward()
    wanted.backward()
    torch.testing.assert_close(loss, wanted, rtol=1e-6, atol=0)
    torch.testing.assert_close(z.grad, twin.grad, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(sampled.centres.grad.to_dense(), full.centres.grad, rtol=1e-5, atol=1e-7)


def test_judging_asks_everybody_and_counts_nothing() -> None:
    sampled, full = head(0.1).eval(), head(1.0)
    assert torch.equal(sampled(embedding(), LABELS), full(embedding(), LABELS))
    before = sampled.turn.clone()
    sampled(embedding(), LABELS)
    assert torch.equal(sampled.turn, before)
    assert sampled.cosines(embedding()).shape == (len(LABELS), IDENTITIES)


def test_two_seeds_ask_different_ones() -> None:
    assert taking_part(head(0.1)).tolist() != taking_part(head(0.1, seed=1)).tolist()
    assert taking_part(head(0.1)).tolist() == taking_part(head(0.1)).tolist()


def test_frozen_centres_in_half_the_bytes() -> None:
    centres = F.normalize(torch.randn(IDENTITIES, WIDTH, generator=torch.Generator().manual_seed(2)))
    classifier = TeacherClassifier(IDENTITIES, centres, lambda: centres)
    margin = {"softmax": {"scale": 8.0, "sample_rate": 0.1}}
    torch.manual_seed(0)
    narrow = Inherited(WIDTH, classifier, margin=margin, precision="bf16")
    torch.manual_seed(0)
    wide = Inherited(WIDTH, classifier, margin=margin)
    assert narrow.softmax.centres.nbytes * 2 == wide.softmax.centres.nbytes
    assert [weight.requires_grad for weight in narrow.parameters()] == [False]
    z = embedding()
    loss = narrow(z, LABELS)
    loss.backward()
    assert z.grad.any()
    assert narrow.softmax.centres.grad is None
    assert loss.item() == pytest.approx(wide(embedding(), LABELS).item(), rel=1e-3)
    assert narrow.class_centres().dtype == torch.float32
    degrees = torch.rad2deg(F.cosine_similarity(narrow.class_centres().double(), centres.double()).clamp_max(1).acos())
    assert degrees.max() < 0.2


def test_what_cannot_be_is_refused() -> None:
    for rate in (0.0, -0.1, 1.5):
        with pytest.raises(UserError, match="sample_rate"):
            head(rate)
    centres = torch.eye(5, WIDTH)
    with pytest.raises(UserError, match="bf16"):
        Inherited(WIDTH, TeacherClassifier(5, centres, lambda: centres), centres="finetune", precision="bf16")


@pytest.mark.parametrize(("rows", "width"), [(40, 3), (33, 24), (100, 16)])
def test_drawn_in_parts_the_centres_are_what_they_were_drawn_at_once(
    monkeypatch: pytest.MonkeyPatch, rows: int, width: int
) -> None:
    torch.manual_seed(0)
    at_once, then = torch.empty(rows, width).normal_(std=0.01), torch.rand(())
    monkeypatch.setattr("facedistill.heads.margin.DRAWN_AT_ONCE", 16)
    torch.manual_seed(0)
    assert torch.equal(Softmax(width, rows).centres, at_once)
    assert torch.equal(torch.rand(()), then)
