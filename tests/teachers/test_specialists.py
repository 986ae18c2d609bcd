"""Specialists beside each other: whose opinion is whose, and which ones are refused."""

import json
from pathlib import Path

import pytest
import tiny
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from facedistill.backbones.load import load_backbone
from facedistill.errors import UserError
from facedistill.teachers.specialists import Specialists
from facedistill.types import Batch

PEOPLE = (["b", "d"], ["a", "c", "e"])
WIDTHS = (6, 4)
NOBODY = torch.full((3,), -1)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [
        specialist(tmp_path / names[0], names, width, seed)
        for seed, (names, width) in enumerate(zip(PEOPLE, WIDTHS, strict=True))
    ]


def specialist(folder: Path, names: list[str], width: int, seed: int) -> Path:
    tiny.write_teacher(folder, {"tiny.net": {"embedding": width}}, seed=seed)
    centres = torch.randn(len(names), width, generator=torch.Generator().manual_seed(seed))
    save_file({"centres": centres}, folder / "head.safetensors", {"identities": json.dumps(names)})
    return folder


def centre(folder: Path, row: int) -> torch.Tensor:
    return load_file(folder / "head.safetensors")["centres"][row]


def test_a_product_with_a_centre_is_its_own_specialists_cosine(folders: list[Path]) -> None:
    teacher = Specialists(weights=folders)
    images = tiny.images(3)
    seen = teacher(images, Batch(NOBODY, NOBODY, NOBODY, torch.tensor(0.0))).embedding
    assert seen.shape == (3, sum(WIDTHS)) == (3, teacher.spec.embedding)
    head = teacher.parted_head()
    assert head is not None
    ordered = head.ordered("abcde")
    assert ordered.subsets.tolist() == [1, 0, 1, 0, 1]
    opinions = seen @ ordered.centres.T
    for column, (who, row) in enumerate([(1, 0), (0, 0), (1, 1), (0, 1), (1, 2)]):
        alone = load_backbone(folders[who]).eval()(images).embedding
        expected = F.cosine_similarity(alone, centre(folders[who], row)[None])
        assert torch.allclose(opinions[:, column], expected, atol=1e-6), "abcde"[column]
    assert teacher.head_centres() is None, "rows in an order of their own are nobody's classifier"
    assert teacher.files == tuple(folder / "model.safetensors" for folder in folders)
    assert not list(teacher.parameters())
    assert not teacher.state_dict()


def test_people_must_be_those_of_the_training_set(folders: list[Path]) -> None:
    head = Specialists(weights=folders).parted_head()
    assert head is not None
    with pytest.raises(UserError, match=r"know 5 identities and the training set has 4; they differ in 3, such as 'd'"):
        head.ordered("abcf")


def test_specialists_that_cannot_teach_are_refused(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"two run folders or more; it has 1"):
        Specialists(weights=folders[:1])
    with pytest.raises(UserError, match=r"no weights at .*nowhere"):
        Specialists(weights=[*folders, tmp_path / "nowhere"])
    again = specialist(tmp_path / "again", ["z", "c"], 4, seed=5)
    with pytest.raises(UserError, match=r"know the identity 'c'; specialists share nobody"):
        Specialists(weights=[*folders, again])
    (folders[0] / "head.safetensors").unlink()
    assert Specialists(weights=folders).parted_head() is None
    save_file({"centres": torch.ones(2, 6)}, folders[0] / "head.safetensors")
    with pytest.raises(UserError, match="does not say whose centres it holds"):
        Specialists(weights=folders)
