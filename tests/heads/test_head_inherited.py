"""The inherited classifier: where its centres come from, what trains, and its adapter."""

import pytest
import torch
import torch.nn.functional as F

from facedistill.errors import UserError
from facedistill.heads.inherited import Inherited
from facedistill.teachers.classifier import TeacherClassifier

HEAD = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
MEANS = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
LABELS = torch.tensor([0, 4, 2])


def classifier(head=HEAD):
    return TeacherClassifier(5, head, lambda: MEANS)


@pytest.mark.parametrize(
    ("centres", "head", "source", "trained"),
    [
        ("frozen", HEAD, HEAD, False),
        ("finetune", HEAD, HEAD, True),
        ("finetune", None, MEANS, True),
        ("teacher_means", HEAD, MEANS, False),
        ("best", HEAD, HEAD, False),
        ("best", None, MEANS, False),
    ],
)
def test_centres(centres, head, source, trained):
    inherited = Inherited(8, classifier(head), centres=centres, margin={"softmax": {"scale": 10.0}})
    assert torch.allclose(inherited.softmax.centres, F.normalize(source))
    assert [weight.requires_grad for weight in inherited.parameters()] == [trained]
    z = torch.randn(3, 8, requires_grad=True)
    loss = inherited(z, LABELS)
    loss.backward()
    wanted = F.cross_entropy(10 * F.normalize(z) @ F.normalize(source).T, LABELS)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    assert z.grad.any()
    assert (inherited.softmax.centres.grad is not None) == trained


def test_finetuning_leaves_the_teacher_alone():
    before = HEAD.clone()
    inherited = Inherited(8, classifier(), centres="finetune")
    with torch.no_grad():
        inherited.softmax.centres.add_(1)
    assert torch.equal(HEAD, before)


def test_frozen_without_a_classifier_says_what_to_do():
    with pytest.raises(UserError, match="teacher_means"):
        Inherited(8, classifier(None))


def test_adapter_where_widths_differ():
    inherited = Inherited(6, classifier())
    assert inherited.adapter.weight.shape == (8, 6)
    assert inherited.adapter.bias is None
    inherited(torch.randn(3, 6), LABELS).backward()
    assert inherited.adapter.weight.grad.any()
    z = torch.randn(3, 6)
    assert torch.allclose(
        F.normalize(inherited.adapter(z)) @ F.normalize(inherited.adapter(z)).T,
        F.normalize(z) @ F.normalize(z).T,
        atol=1e-5,
    )  # angles survive widening


def test_margin_is_a_choice():
    assert type(Inherited(8, classifier(), margin={"adaface": {"h": 0.2}}).softmax).__name__ == "AdaFace"
    with pytest.raises(UserError, match="cosface"):
        Inherited(8, classifier(), margin="cosfase")
    with pytest.raises(UserError, match="margin_rad"):
        Inherited(8, classifier(), margin={"arcface": {"margin_radd": 0.4}})


def test_frozen_centres_follow_the_module_and_its_state():
    twin = Inherited(8, classifier(MEANS))
    twin.load_state_dict(Inherited(8, classifier(HEAD)).state_dict())
    assert torch.allclose(twin.softmax.centres, F.normalize(HEAD))
    assert twin.double().softmax.centres.dtype == torch.float64


def test_centres_can_be_inherited_again_unless_they_lie_behind_an_adapter():
    assert torch.allclose(Inherited(8, classifier()).class_centres(), F.normalize(HEAD))
    assert Inherited(6, classifier()).class_centres() is None
