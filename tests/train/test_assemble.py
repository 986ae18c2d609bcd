"""From a recipe to faces, networks and a device."""

from pathlib import Path

import pytest
import tiny
import torch

from facedistill.backbones.load import load_backbone
from facedistill.errors import UserError
from facedistill.train.allocator import keep_freed_memory
from facedistill.train.assemble import build_objective, load_faces, resolve

CPU = torch.device("cpu")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tiny.write_faces(tmp_path / "faces", identities=5, images=2)


def test_validation_identities_are_kept_out(root: Path, tmp_path: Path) -> None:
    sets = load_faces(tiny.recipe(root, tmp_path / "run", data={"root": root, "validation_identities": 2}))
    kept_out = sets.validation
    assert kept_out is not None
    assert set(sets.labelled.identities) | set(kept_out.identities) == {f"p{k}" for k in range(5)}
    assert set(sets.labelled.identities).isdisjoint(kept_out.identities)
    shown = {sets.training.name(index).split("/")[0] for index in range(len(sets.training))}
    assert shown == set(sets.labelled.identities)


def test_an_image_that_cannot_be_read_stops_a_small_set(root: Path, tmp_path: Path) -> None:
    (root / "p1" / "p1_0001.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"1 of 10 images cannot be read, more than the 0\.1 %"):
        load_faces(tiny.recipe(root, tmp_path / "run"))


def test_every_default_is_written_out(root: Path, tmp_path: Path) -> None:
    resolved = resolve(tiny.recipe(root, tmp_path / "run", method="urfm"))
    assert resolved.model == {"tiny.net": {"embedding": 8, "batch_norm": True}}
    assert resolved.head == {"cosface": {"scale": 8, "margin": 0.35, "sample_rate": 1.0}}
    assert resolved.method["urfm"]["centres"] == 49
    assert resolved.schedule == {"cosine": {"warmup_epochs": 1.0, "floor": 0.0}}
    assert resolved.data.views["mirror"] == 0.5


def test_the_first_weights_of_the_student_do_not_depend_on_its_lessons(root: Path, tmp_path: Path) -> None:
    teacher = tiny.write_teacher(tmp_path / "teacher")
    recipes = [
        tiny.recipe(root, tmp_path / "a"),
        tiny.recipe(root, tmp_path / "b", teacher={"live": {"weights": teacher}}, method="cosine"),
    ]
    first = []
    for recipe in recipes:
        torch.manual_seed(5)
        first.append(build_objective(recipe, load_faces(recipe).labelled, CPU).model.state_dict())
    for name, tensor in first[0].items():
        assert torch.equal(tensor, first[1][name])


def test_a_student_starts_from_given_weights_and_its_head_and_teacher_do_not(root: Path, tmp_path: Path) -> None:
    given = tiny.write_teacher(tmp_path / "given", {"tiny.net": {"embedding": 8}}, seed=3)
    recipe = tiny.recipe(
        root, tmp_path / "run", initial=given, teacher={"live": {"weights": tiny.write_teacher(tmp_path / "teacher")}},
        method="cosine",
    )  # fmt: skip
    objective = build_objective(recipe, load_faces(recipe).labelled, CPU)
    wanted, found = load_backbone(given).state_dict(), objective.model.state_dict()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert all(parameter.requires_grad for parameter in objective.model.parameters())
    plain = tiny.recipe(root, tmp_path / "run")
    assert not torch.equal(
        build_objective(plain, load_faces(plain).labelled, CPU).model.out.weight, wanted["out.weight"]
    )


def test_first_weights_that_do_not_fit_are_refused_with_what_differs(root: Path, tmp_path: Path) -> None:
    given = tiny.write_teacher(tmp_path / "given", {"tiny.net": {"embedding": 6}})
    recipe = tiny.recipe(root, tmp_path / "run", initial=given)
    with pytest.raises(
        UserError, match=r"start from it: shapes differ: out\.weight is \(6, 128\) and should be \(8, 12"
    ):
        build_objective(recipe, load_faces(recipe).labelled, CPU)
    missing = tiny.recipe(root, tmp_path / "run", initial=tmp_path / "nowhere")
    with pytest.raises(UserError, match="no weights at"):
        build_objective(missing, load_faces(missing).labelled, CPU)


def test_a_teacher_that_nobody_learns_from_is_refused(root: Path, tmp_path: Path) -> None:
    teacher = tiny.write_teacher(tmp_path / "teacher")
    recipe = tiny.recipe(root, tmp_path / "run", teacher={"live": {"weights": teacher}})
    with pytest.raises(UserError, match="Nothing in this recipe learns from its teacher"):
        build_objective(recipe, load_faces(recipe).labelled, CPU)


def test_the_inherited_head_learns_from_its_teacher(root: Path, tmp_path: Path) -> None:
    teacher = tiny.write_teacher(tmp_path / "teacher")
    head = {"inherited": {"centres": "teacher_means"}}
    recipe = tiny.recipe(root, tmp_path / "run", teacher={"live": {"weights": teacher}}, head=head)
    centres = build_objective(recipe, load_faces(recipe).labelled, CPU).head.softmax.centres
    torch.testing.assert_close(centres.norm(dim=1), torch.ones(5))


def test_prompts_that_no_method_asks_for_are_refused(root: Path, tmp_path: Path) -> None:
    teacher = {"prompted": {"weights": tiny.write_teacher(tmp_path / "teacher")}}
    method = {"proxyless": {"centres": "teacher_means"}}
    recipe = tiny.recipe(root, tmp_path / "run", teacher=teacher, method=method, head=None)
    with pytest.raises(UserError, match="prompts would learn nothing"):
        build_objective(recipe, load_faces(recipe).labelled, CPU)


def test_the_allocator_agrees_or_is_left_alone() -> None:
    assert keep_freed_memory() in (True, False)
    torch.ones(1_000_000).sum()
