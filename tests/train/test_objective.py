"""Terms, their weights, and who asks the teacher."""

import pytest
import tiny
import torch
from torch import Tensor, nn

from facedistill.errors import UserError
from facedistill.heads.contract import AbstractHead
from facedistill.method import AbstractMethod
from facedistill.signature import build
from facedistill.teachers.contract import AbstractTeacher
from facedistill.train.objective import Objective, Weights
from facedistill.types import Batch, Features, Spec, Terms

BATCH = Batch(torch.arange(4) % 2, torch.arange(4), torch.zeros(4, dtype=torch.int64), torch.tensor(0.5))


class Counted(AbstractTeacher):
    """A teacher that answers with ones, and counts how often it was asked."""

    provides = frozenset({"embedding"})

    def __init__(self) -> None:
        super().__init__()
        self.spec, self.asked = Spec(8), 0
        self.prompt = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor, batch: Batch) -> Features:
        self.asked += 1
        return Features(torch.ones(len(images), 8) * self.prompt)

    def terms(self, features: Features, batch: Batch, classifier: object) -> Terms:
        return {"kept": features.embedding.mean() * 7}


class Sum(AbstractMethod):
    """Two terms of known value."""

    uses = frozenset({"embedding"})

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {"student": student.embedding.sum(), "teacher": teacher.embedding.sum()}


class Alone(Sum):
    uses = frozenset()


class Curious(Sum):
    uses = frozenset({"embedding", "prompts"})


def head() -> AbstractHead:
    return build("heads", AbstractHead, {"cosface": {"scale": 8}}, embedding=8, identities=2)


def test_terms_carry_the_name_of_who_adds_them() -> None:
    model, classifier, teacher = tiny.net(), head(), Counted()
    objective = Objective(model, classifier, {"sum": Sum()}, teacher).eval()
    terms = objective(tiny.images(4), BATCH)
    embedding = model(tiny.images(4)).embedding
    assert set(terms) == {"margin", "sum.student", "sum.teacher"}
    assert torch.equal(terms["margin"], classifier(embedding, BATCH.labels))
    assert torch.equal(terms["sum.student"], embedding.sum())
    assert terms["sum.teacher"] == 32


def test_a_teacher_that_learns_adds_its_own_terms() -> None:
    from facedistill.teachers.classifier import TeacherClassifier

    classifier = TeacherClassifier(2, torch.ones(2, 8), lambda: torch.ones(2, 8))
    objective = Objective(tiny.net(), None, {"sum": Sum()}, Counted(), classifier)
    assert objective(tiny.images(4), BATCH)["teacher.kept"] == 7
    frozen = Objective(tiny.net(), None, {"sum": Sum()}, Counted().requires_grad_(False), classifier)
    assert "teacher.kept" not in frozen(tiny.images(4), BATCH)


def test_a_teacher_is_asked_once_a_batch_or_not_at_all() -> None:
    asked, ignored = Counted(), Counted().requires_grad_(False)
    Objective(tiny.net(), head(), {"a": Sum(), "b": Sum()}, asked)(tiny.images(4), BATCH)
    terms = Objective(tiny.net(), head(), {"a": Alone()}, ignored)(tiny.images(4), BATCH)
    assert (asked.asked, ignored.asked) == (1, 0)
    assert torch.equal(terms["a.teacher"], terms["a.student"]), "the student's features stand in"


def test_parts_go_by_the_names_of_recipes() -> None:
    objective = Objective(tiny.net(), head(), {"sum": Sum()}, Counted())
    assert list(objective.parts()) == ["model", "head", "teacher", "sum"]
    assert list(Objective(tiny.net(), head()).parts()) == ["model", "head"]


def test_a_question_without_an_answer_is_refused() -> None:
    with pytest.raises(UserError, match="'curious' needs the teacher's prompts, but the teacher gives embedding"):
        Objective(tiny.net(), None, {"curious": Curious()}, Counted())
    with pytest.raises(UserError, match="'sum' needs the teacher's embedding, but there is no teacher"):
        Objective(tiny.net(), None, {"sum": Sum()})


def test_a_method_of_somebody_else_goes_by_its_last_name() -> None:
    objective = Objective(tiny.net(), head(), {"one.sum": Sum(), "other": Alone()}, Counted())
    assert list(objective.parts()) == ["model", "head", "teacher", "sum", "other"]
    assert "sum.student" in objective(tiny.images(4), BATCH)


@pytest.mark.parametrize("name", ["another.sum", "sum", "mine.head", "mine.teacher"])
def test_two_parts_of_one_name_are_refused(name: str) -> None:
    methods = {"one.sum": Sum(), name: Sum()}
    with pytest.raises(UserError, match=f"Method '{name}' would go by '{name.rpartition('.')[2]}'"):
        Objective(tiny.net(), head(), methods, Counted())


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(UserError, match="Nothing to learn from"):
        Objective(tiny.net())


def test_the_sum_is_a_plain_loop_over_weights_and_ramps() -> None:
    terms = {"margin": torch.tensor(2.0), "a.x": torch.tensor(3.0), "a.y": torch.tensor(5.0, dtype=torch.bfloat16)}
    weights = Weights({"a.x": 0.5, "a.y": 4.0}, {"a.y": 0.25})
    for progress in (0.0, 0.1, 0.25, 0.9):
        expected = 2.0 + 0.5 * 3.0 + 4.0 * min(1, progress / 0.25) * 5.0
        total = weights.total(terms, progress)
        assert total.dtype == torch.float32
        assert float(total) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("weights", "ramp", "kind"), [({"margn": 1.0}, {}, "weights"), ({}, {"margn": 0.1}, "ramp")])
def test_a_weight_or_ramp_of_nothing_is_refused(weights: dict, ramp: dict, kind: str) -> None:
    with pytest.raises(UserError, match=f"Unknown term 'margn' in {kind}; did you mean 'margin'"):
        Weights(weights, ramp).check({"margin": torch.tensor(0.0)})


class Opinion(AbstractMethod):
    """The student's own class cosines, summed."""

    asks_student = frozenset({"cosines"})

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        return {"sum": student.extras["cosines"].sum()}


def test_a_method_may_ask_for_the_students_own_classes() -> None:
    model, classifier = tiny.net().eval(), head()
    terms = Objective(model, classifier, {"opinion": Opinion()}).eval()(tiny.images(4), BATCH)
    own = model(tiny.images(4)).embedding.detach()
    centres = classifier.class_centres().detach()
    expected = sum(float(z @ w / (z.norm() * w.norm())) for z in own for w in centres)
    assert terms["opinion.sum"].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_classes_without_a_classifier_are_refused() -> None:
    with pytest.raises(UserError, match=r"'opinion' compares class probabilities.*give the recipe a 'head'"):
        Objective(tiny.net(), None, {"opinion": Opinion()})


class NoClassifier(AbstractHead):
    def forward(self, embedding: Tensor, labels: Tensor) -> Tensor:
        return embedding.sum()


def test_a_head_without_classifier_is_refused_when_asked() -> None:
    with pytest.raises(UserError, match="this head has no classifier"):
        Objective(tiny.net(), NoClassifier(), {"opinion": Opinion()})(tiny.images(4), BATCH)
