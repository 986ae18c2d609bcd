"""URFM: its terms against plain loops, whom each gradient reaches, and that the local features do not collapse."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from facedistill.align.centres import local_feature_variance
from facedistill.errors import UserError
from facedistill.methods.urfm import URFM
from facedistill.teachers.classifier import TeacherClassifier
from facedistill.types import UNLABELLED, Batch, Features, Spec, Stage

STUDENT = Spec(16, (Stage(6, (8, 8)), Stage(10, (4, 4))), 64)
TEACHER = Spec(12, (Stage(8, (7, 7)), Stage(9, (3, 3))), 112)
IDENTITIES, SAMPLES, PROMPTS = 5, 6, 2
SMALL = {"centres": 9, "width": 16, "heads": 2}


def classifier(width=TEACHER.embedding, identities=IDENTITIES):
    means = torch.randn(identities, width, generator=torch.Generator().manual_seed(3))
    return TeacherClassifier(identities, None, lambda: means)


def urfm(**options):
    torch.manual_seed(0)
    return URFM(STUDENT, TEACHER, classifier(), **(SMALL | options))


def seen(spec, seed, **extras):
    chance = torch.Generator().manual_seed(seed)
    stages = tuple(torch.randn(SAMPLES, s.channels, *s.grid, generator=chance) for s in spec.stages)
    return Features(torch.randn(SAMPLES, spec.embedding, generator=chance), stages, extras)


def batch(labels):
    size = len(labels)
    return Batch(torch.tensor(labels), torch.arange(size), torch.zeros(size, dtype=torch.int64), torch.tensor(0.5))


LABELS = [0, 4, UNLABELLED, 2, 2, 1]


def over_width(x):
    """LayerNorm without affine of every row times its length."""
    x = x * x.shape[-1]
    flat = x.reshape(-1, x.shape[-1])
    return np.array([(row - row.mean()) / math.sqrt(row.var() + 1e-5) for row in flat]).reshape(x.shape)


def over_batch(x):
    """Every entry over the images."""
    flat = x.reshape(len(x), -1)
    columns = [flat[:, entry] for entry in range(flat.shape[1])]
    floor = 1e-3 * sum(column.var() for column in columns) / len(columns) + 1e-12
    return np.stack([(c - c.mean()) / math.sqrt(c.var() + floor) for c in columns], axis=1).reshape(x.shape)


def loop_mse(own, wanted):
    total = 0.0
    for x, y in zip(own.flat, wanted.flat, strict=True):
        total += (x - y) ** 2
    return total / own.size


@pytest.mark.parametrize("normalise", ["batch", "width", "none"])
@pytest.mark.parametrize("attention", ["map", "context"])
def test_distances_equal_plain_loops(normalise, attention):
    method = urfm(normalise=normalise, attention=attention).eval()
    student, teacher = seen(STUDENT, 1), seen(TEACHER, 2)
    terms = method(student, teacher, batch(LABELS))
    own, wanted = method.local(student, teacher)
    change = {"batch": over_batch, "width": over_width, "none": np.asarray}[normalise]
    for term, part in (("attention", "maps" if attention == "map" else "context"), ("feature", "out")):
        sides = (change(getattr(local, part).detach().double().numpy()) for local in (own, wanted))
        assert terms[term].item() == pytest.approx(loop_mse(*sides), rel=1e-3)


def test_classify_equals_a_plain_loop():
    """CosFace on the pooled MSA(h) of both sides, over the labelled samples, with the teacher's centres."""
    method = urfm().eval()
    student, teacher = seen(STUDENT, 1), seen(TEACHER, 2)
    term = method(student, teacher, batch(LABELS))["classify"].item()
    adapter = method.identity.adapter.weight.detach().numpy()
    centres = classifier().class_means().numpy()
    losses = []
    for local in method.local(student, teacher):
        for label, out in zip(LABELS, local.out.detach().numpy(), strict=True):
            if label != UNLABELLED:
                z = adapter @ out.mean(0)
                cos = [z @ w / (np.linalg.norm(z) * np.linalg.norm(w)) for w in centres]
                logits = [64 * (c - 0.35 * (j == label)) for j, c in enumerate(cos)]
                losses.append(math.log(sum(math.exp(x - logits[label]) for x in logits)))
    assert term == pytest.approx(sum(losses) / len(losses), rel=1e-4)


@pytest.mark.parametrize("normalise", ["batch", "width"])
def test_unrelated_sides_cost_two_and_equal_ones_nothing(normalise):
    """Whatever the numbers of centres, so that a weight of 1 means the same."""
    method = urfm(normalise=normalise)
    for centres in (16, 64):
        chance = torch.Generator().manual_seed(0)
        one, other = (torch.softmax(0.3 * torch.randn(32, 2, centres, centres, generator=chance), -1) for _ in range(2))
        assert method._distance(one, other).item() == pytest.approx(2, rel=0.05)
        assert method._distance(one, one).item() == 0


def test_agreeing_on_what_no_image_changes_is_worth_nothing():
    """Both sides are nearly the same map for all images: equal over their widths, and unrelated over the batch."""
    chance = torch.Generator().manual_seed(0)
    common = torch.softmax(torch.randn(2, 9, 9, generator=chance), -1)
    one, other = (common + 1e-3 * torch.randn(32, 2, 9, 9, generator=chance) for _ in range(2))
    assert urfm(normalise="width")._distance(one, other).item() < 0.001
    assert urfm(normalise="batch")._distance(one, other).item() == pytest.approx(2, rel=0.05)
    constant = common.expand(32, 2, 9, 9)
    assert urfm(normalise="batch")._distance(constant, other).item() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"encoding": "none", "centres": 7},
        {"encoding": "euclid"},
        {"encoding": "saliency", "encode": "key", "centres": 7},
        {"encode": "key", "attention": "context"},
        {"stop_teacher": False, "normalise": "none"},
        {"stage": 0, "teacher_stage": -2, "margin": {"adaface": {}}},
    ],
)
@pytest.mark.parametrize("prompted", [False, True])
def test_every_parameter_learns(options, prompted):
    method = urfm(**options)
    extras = {"prompts": torch.randn(SAMPLES, PROMPTS, 9)} if prompted else {}
    terms = method(seen(STUDENT, 1), seen(TEACHER, 2, **extras), batch(LABELS))
    sum(terms.values()).backward()
    assert set(terms) == {"attention", "feature", "classify"}
    for name, parameter in method.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
        assert not parameter.requires_grad or parameter.grad.any(), name
    assert [name for name, parameter in method.named_parameters() if not parameter.requires_grad] == [
        "identity.softmax.centres"
    ]


def test_prompts_learn_from_both_distances_even_behind_a_stopped_teacher():
    for term in ("attention", "feature"):
        prompts = torch.randn(SAMPLES, PROMPTS, 9, requires_grad=True)
        method = urfm()
        method(seen(STUDENT, 1), seen(TEACHER, 2, prompts=prompts), batch(LABELS))[term].backward()
        assert prompts.grad.any()
        assert all(parameter.grad is None for parameter in method.mapping.teacher.parameters())


def test_an_open_teacher_side_learns_from_the_distances():
    method = urfm(stop_teacher=False)
    method(seen(STUDENT, 1), seen(TEACHER, 2), batch(LABELS))["feature"].backward()
    assert method.mapping.teacher.value.weight.grad.any()


def test_prompts_belong_to_the_last_stage():
    prompts = torch.randn(SAMPLES, PROMPTS, 9)
    plain, prompted = seen(TEACHER, 2), seen(TEACHER, 2, prompts=prompts)
    for stage, matters in ((-1, True), (0, False)):
        method = urfm(teacher_stage=stage).eval()
        one, other = (method(seen(STUDENT, 1), teacher, batch(LABELS))["feature"] for teacher in (plain, prompted))
        assert torch.equal(one, other) != matters


def test_saliency_is_gathered_in_training_and_saved():
    method = urfm(encoding="saliency")
    teacher = seen(TEACHER, 2)
    method.eval()(seen(STUDENT, 1), teacher, batch(LABELS))
    saliency = method.mapping.centres.position.saliency
    assert not saliency.total.any()
    method.train()(seen(STUDENT, 1), teacher, batch(LABELS))
    wanted = np.sqrt((teacher.stages[-1].numpy() ** 2).sum(1)).mean(0)
    assert np.allclose(saliency.total.numpy(), wanted, atol=1e-5)
    assert "mapping.centres.position.saliency.total" in method.state_dict()


def test_unlabelled_batch_still_distils():
    terms = urfm()(seen(STUDENT, 1), seen(TEACHER, 2), batch([UNLABELLED] * SAMPLES))
    assert terms["classify"].item() == 0
    assert terms["feature"].item() > 0.1
    sum(terms.values()).backward()


@pytest.mark.parametrize("prompted", [False, True])
def test_bf16_autocast(prompted):
    extras = {"prompts": torch.randn(SAMPLES, PROMPTS, 9, requires_grad=True)} if prompted else {}
    student, teacher = seen(STUDENT, 1), seen(TEACHER, 2, **extras)
    plain = urfm()(student, teacher, batch(LABELS))
    with torch.autocast("cpu", torch.bfloat16):
        narrow = urfm()(student, teacher, batch(LABELS))
    sum(narrow.values()).backward()
    for name, term in narrow.items():
        assert term.dtype == torch.float32
        assert term.item() == pytest.approx(plain[name].item(), rel=0.1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"stage": 2}, "student has no stage 2"),
        ({"teacher_stage": -3}, "teacher has no stage -3"),
        ({"heads": 3}, "not divisible"),
        ({"centres": 10}, "square"),
        ({"alpha": 9.0}, "alpha"),
    ],
)
def test_impossible_recipes(options, says):
    with pytest.raises(UserError, match=says):
        urfm(**options)


class Learning:
    """A small student and a fixed teacher that both see eight made-up faces with noise."""

    def __init__(self, **options):
        torch.manual_seed(0)
        self.labels = torch.arange(64) % 8
        images = torch.randn(8, 3, 8, 8)[self.labels] + 0.5 * torch.randn(64, 3, 8, 8)
        stage = F.gelu(F.conv2d(images, torch.randn(12, 3, 4, 4) / 7, stride=2))
        embedding = stage.flatten(1) @ torch.randn(108, 16)
        means = torch.stack([embedding[self.labels == k].mean(0) for k in range(8)])
        self.images, self.teacher = images, Features(embedding, (stage,))
        self.student = nn.Sequential(nn.Conv2d(3, 10, 3, 2, 1), nn.BatchNorm2d(10), nn.PReLU())
        specs = Spec(16, (Stage(10, (4, 4)),), 8), Spec(16, (Stage(12, (3, 3)),), 8)
        self.method = URFM(*specs, TeacherClassifier(8, None, lambda: means), **(SMALL | options))

    def sees(self):
        return Features(torch.zeros(64, 16), (self.student(self.images),))

    def train(self, without=(), steps=60):
        parameters = [*self.student.parameters(), *self.method.parameters()]
        optimiser = torch.optim.AdamW(parameters, lr=3e-3)
        for _ in range(steps):
            terms = self.method(self.sees(), self.teacher, batch(self.labels.tolist()))
            optimiser.zero_grad()
            sum(value for name, value in terms.items() if name not in without).backward()
            optimiser.step()
        return terms

    @torch.no_grad()
    def shares(self, part="h"):
        """How much of the local features, or of the maps among them, depends on the image, student and teacher."""
        sides = self.method.local(self.sees(), self.teacher)
        if part == "maps":
            return [local_feature_variance(9 * local.maps.flatten(1, 2)).item() for local in sides]
        return [local_feature_variance(local.h).item() for local in sides]


def test_local_features_do_not_collapse():
    learning = Learning()
    before = learning.shares()
    terms = learning.train()
    assert all(now > was for now, was in zip(learning.shares(), before, strict=True))
    assert min(learning.shares()) > 0.3
    assert min(learning.shares("maps")) > 0.1
    assert terms["feature"].item() < 1  # and both sides did come nearer


def test_without_the_safeguards_they_do():
    """Both distances are lowest where every image gives the same local features, and that is what is found."""
    learning = Learning(normalise="none", stop_teacher=False)
    before = learning.shares()
    terms = learning.train(without=("classify",))
    assert all(now < 0.5 * was for now, was in zip(learning.shares(), before, strict=True))
    assert terms["feature"].item() < 0.01


def test_an_open_teacher_side_lets_the_maps_collapse():
    """Local features stay apart by ``classify``, yet their attention becomes one map for all images."""
    learning = Learning(normalise="width", stop_teacher=False)
    learning.train(steps=100)
    assert min(learning.shares()) > 0.3
    assert max(learning.shares("maps")) < 0.02
