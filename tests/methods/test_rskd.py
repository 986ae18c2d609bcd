"""RSKD: every specialist teaches its own identities, until the student has come up with it."""

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from facedistill.errors import UserError
from facedistill.methods.rskd import RSKD
from facedistill.teachers.classifier import TeacherClassifier
from facedistill.train import run
from facedistill.types import Batch, Features

SUBSETS = torch.tensor([0, 1, 0, 1, 1])
SCALE, T = 8.0, 2.0


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def a_method(**options: object) -> RSKD:
    centres = torch.block_diag(torch.eye(2), torch.eye(3))[[0, 2, 1, 3, 4]]  # z_T itself holds the specialists' cosines
    classifier = TeacherClassifier(5, centres, lambda: centres, SUBSETS)
    return RSKD(classifier, temperature=T, scale=SCALE, **options)


def labelled(*labels: int) -> Batch:
    values = torch.tensor(labels)
    return Batch(values, values, values, torch.tensor(0.5))


OWN, OPINIONS = drawn(4, 5, seed=0), drawn(4, 5, seed=1)
SEEN, ANSWERS = Features(torch.zeros(4, 3), (), {"cosines": OWN}), Features(OPINIONS[:, [0, 2, 1, 3, 4]])


def softmax(values: list[float]) -> list[float]:
    powers = [np.exp(SCALE * value / T) for value in values]
    return [power / sum(powers) for power in powers]


def distance(sample: int, subset: int) -> float:
    """T² KL among the identities of a subset."""
    columns = [column for column in range(5) if SUBSETS[column] == subset]
    p_T, p_S = (softmax([float(cosines[sample, column]) for column in columns]) for cosines in (OPINIONS, OWN))
    return T**2 * sum(p * np.log(p / q) for p, q in zip(p_T, p_S, strict=True))


def test_value() -> None:
    everybody = sum(distance(i, k) for k in range(2) for i in range(4)) / 4
    batch = labelled(0, 1, 3, -1)
    assert a_method()(SEEN, ANSWERS, batch)["probabilities"].item() == pytest.approx(everybody, rel=1e-5)
    own = distance(0, 0) + (distance(1, 1) + distance(2, 1)) / 2
    found = a_method(samples="own")(SEEN, ANSWERS, batch)["probabilities"].item()
    assert found == pytest.approx(own, rel=1e-5)


def test_a_specialist_falls_silent_as_the_student_comes_up_with_it() -> None:
    method = a_method(momentum=1.0)
    assert method.weights().tolist() == [1, 1], "nobody has been seen"
    answers = Features(torch.eye(5)[[0, 0, 1, 2]])  # identities 0, 0, 2 and 1: all right
    own = torch.eye(5)[[0, 0, 2, 1]]
    wrong = torch.eye(5)[[2, 0, 2, 1]]
    batch = labelled(0, 0, 2, 1)
    for cosines, expected in ((own, [0.0, 0.0]), (wrong, [1.0, 0.0])):
        method(Features(torch.zeros(4, 3), (), {"cosines": cosines}), answers, batch)
        assert method.weights().tolist() == pytest.approx(expected), "0.667 of 1 is below 0.8"
    method.accuracy.copy_(torch.tensor([[0.81, 0.3], [0.9, 0.25]]))
    assert method.weights().tolist() == pytest.approx([(0.9 - 0.81) / (0.2 * 0.9), 0])
    method.eval()(Features(torch.zeros(4, 3), (), {"cosines": wrong}), answers, batch)
    assert method.accuracy[0].tolist() == pytest.approx([0.81, 0.3]), "only training is watched"


def test_one_network_is_no_set_of_specialists() -> None:
    with pytest.raises(UserError, match="give it teacher 'specialists'"):
        RSKD(TeacherClassifier(2, torch.eye(2), lambda: torch.eye(2)))


def test_specialists_of_two_bins_teach_one_student(tmp_path: Path) -> None:
    root = tiny.write_faces(tmp_path / "faces")
    short = {"epochs": 1}
    for number in range(2):
        data = {"root": root, "part": {"bin": number, "bins": 2}}
        result = run.fit(tiny.recipe(root, tmp_path / str(number), data=data, training=short))
        assert result["identities"] == 3
    teacher = {"specialists": {"weights": [tmp_path / "0", tmp_path / "1"]}}
    recipe = tiny.recipe(root, tmp_path / "student", teacher=teacher, method="rskd", training=short)
    assert run.fit(recipe)["identities"] == 6
    assert "rskd.probabilities" in (recipe.out / "metrics.jsonl").read_text()
