"""What cannot be learned is refused before training, by the sentence that says what can."""

from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import Tensor

from facedistill.backbones.load import read_tensors
from facedistill.config import load_recipe
from facedistill.errors import UserError
from facedistill.recipe import Recipe
from facedistill.teachers.contract import AbstractTeacher
from facedistill.train.prepare import prepare
from facedistill.types import Batch, Features, Spec


class Blind(AbstractTeacher):
    """Embeddings only, as of an ONNX file."""

    def __init__(self) -> None:
        super().__init__()
        self.spec = Spec(6, (), tiny.SIZE_PX)

    @property
    def provides(self) -> frozenset[str]:
        return frozenset({"embedding"})

    def forward(self, images: Tensor, batch: Batch) -> Features:
        return Features(images.float().mean((2, 3)).repeat(1, 2))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_faces(tmp_path_factory.mktemp("data") / "faces")


def recipe(root: Path, **changes: Any) -> Recipe:
    whole = {"teacher": f"{__name__}.Blind", "data": {"root": root, **changes.pop("data", {})}, **changes}
    return tiny.recipe(root, root.parent / "run", **whole)


@pytest.mark.parametrize("method", ["urfm", "fitnet", "attention_transfer", "pat", "residual"])
def test_who_needs_stages_is_told_who_gives_them(root: Path, method: str) -> None:
    with pytest.raises(UserError, match=f"'{method}' needs the teacher's stages, but the teacher gives embedding; any"):
        prepare(recipe(root, method=method))
    assert not (root.parent / "run").exists()


def test_specialists_are_told_apart_from_one_teacher(root: Path) -> None:
    with pytest.raises(UserError, match="teacher 'specialists'"):
        prepare(recipe(root, method="rskd"))


@pytest.mark.parametrize(("method", "idle"), [("dkd", "margin, dkd.target, dkd.non_target"), ("adadistill", "margin")])
def test_labels_that_are_all_mixed_away_are_missed(root: Path, method: str, idle: str) -> None:
    with pytest.raises(UserError, match=f"share=1 no face keeps its label, without which {idle}"):
        prepare(recipe(root, method=method, data={"mix": {"share": 1.0}}))
    prepare(recipe(root, method="cosine", head=None, data={"mix": {"share": 1.0}}))


def test_a_method_stands_once(tmp_path: Path) -> None:
    file = tmp_path / "twice.yaml"
    file.write_text(
        "model: mobilefacenet_1m2\nmethod: [hinton, {hinton: {temperature: 2}}]\ndata: {root: .}\nout: runs/x\n"
    )
    with pytest.raises(UserError, match=r"twice.yaml: Method 'hinton' appears twice"):
        load_recipe(file)


def test_weights_are_not_looked_for_in_an_onnx_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gives answers and not its weights"):
        read_tensors(tmp_path / "net.onnx")


def test_an_absent_teacher_is_asked_for(root: Path) -> None:
    for method in ("cosine", "hinton"):
        with pytest.raises(UserError, match=f"'{method}' learns from a teacher, and there is none"):
            prepare(recipe(root, teacher=None, method=method))


def test_blind_teachers_can_be_heard(root: Path) -> None:
    run = prepare(recipe(root, method="cosine"))
    images = tiny.images(2)
    nothing = torch.zeros(2, dtype=torch.int64)
    assert "cosine.embedding" in run.objective(images, Batch(nothing, nothing, nothing, torch.tensor(0.0)))
