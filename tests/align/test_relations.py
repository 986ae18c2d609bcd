"""Relations of a batch, its labelled part, and class logits."""

import math

import pytest
import torch

from facedistill.align.labelled import labelled_mean
from facedistill.align.logits import ClassLogits
from facedistill.align.relations import directions, distances, embeddings, everyone, others, same_identity, unit
from facedistill.teachers.classifier import TeacherClassifier
from facedistill.types import UNLABELLED, Features


def test_unit_rows_and_a_row_of_zeros():
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    assert unit(rows).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0]]
    unit(rows).sum().backward()
    assert rows.grad.isfinite().all()


def test_distances_of_equal_rows_have_a_gradient():
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [3.0001, 4.0]], requires_grad=True)
    found = distances(rows)
    for i, a in enumerate(rows.tolist()):
        for j, b in enumerate(rows.tolist()):
            assert found[i, j].item() == pytest.approx(math.dist(a, b), rel=1e-4)
    found.sum().backward()
    assert rows.grad.isfinite().all()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_others_leaves_out_the_diagonal(n):
    square = torch.arange(n * n).reshape(n, n)
    expected = [[n * i + j for j in range(n) if j != i] for i in range(n)]
    assert others(square).tolist() == expected


def test_same_identity():
    labels = torch.tensor([1, UNLABELLED, 1, UNLABELLED])
    assert same_identity(labels).tolist() == [[True, False, True, False], [False] * 4] * 2
    assert same_identity(labels, torch.tensor([1, UNLABELLED])).tolist() == [[True, False], [False] * 2] * 2


def test_the_teacher_is_held_and_all_is_float32():
    student, teacher = (torch.randn(3, d, dtype=torch.bfloat16, requires_grad=True) for d in (4, 5))
    for pair in (embeddings, directions):
        own, wanted = pair(Features(student), Features(teacher))
        assert (own.dtype, wanted.dtype) == (torch.float32, torch.float32)
        assert (own.requires_grad, wanted.requires_grad) == (True, False)
    assert everyone(torch.arange(3)).dtype == torch.int64


def test_labelled_mean():
    loss = torch.tensor([1.0, torch.nan, 4.0], requires_grad=True)
    mean = labelled_mean(loss, torch.tensor([0, UNLABELLED, 1]))
    assert mean.item() == pytest.approx(2.5)
    mean.backward()
    assert loss.grad.tolist() == [0.5, 0, 0.5]
    assert labelled_mean(loss, torch.full((3,), UNLABELLED)).item() == 0


def test_class_logits_are_scaled_cosines():
    centres = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    logits = ClassLogits(TeacherClassifier(3, centres, lambda: centres), scale=10.0)
    cosines = torch.tensor([[0.1, 0.2, 0.3]])
    answer = torch.tensor([[0.0, 5.0]], requires_grad=True)
    own, wanted = logits(Features(torch.full((1, 7), torch.nan), (), {"cosines": cosines}), Features(answer))
    assert own.tolist() == [pytest.approx([1, 2, 3])]
    assert wanted.tolist() == [pytest.approx([0, 10, 8])]
    assert not wanted.requires_grad
    assert not list(logits.parameters())
