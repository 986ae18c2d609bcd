"""Packaged comparisons: every row can be taught by its teacher, and weighs only terms that its methods have."""

import shutil
from pathlib import Path

import pytest
import tiny
import torch

from facedistill.backbones.load import SNAPSHOTS, load_backbone, write_tensors
from facedistill.catalogue import catalogue
from facedistill.compare.file import Comparison, load_comparison
from facedistill.compare.plan import plan
from facedistill.data.folder import FolderFaces
from facedistill.method import AbstractMethod
from facedistill.train.assemble import Sets
from facedistill.train.prepare import prepare

LEADERBOARDS = ("leaderboard_drawn",)
NEEDS_MORE = {"residual", "rskd"}
"""Methods that one plain student and one teacher cannot run."""
PEOPLE = 4


def write_trained(folder: Path, choice: object) -> None:
    """What a training with snapshots leaves behind, without the training."""
    tiny.write_teacher(folder, choice)
    width = load_backbone(folder).spec.embedding
    write_tensors({"centres": torch.eye(PEOPLE, width)}, folder / "head.safetensors", {})
    (folder / SNAPSHOTS).mkdir()
    for number in range(2):
        shutil.copy(folder / "model.safetensors", folder / SNAPSHOTS / f"{number}.safetensors")


@pytest.fixture(scope="module", params=LEADERBOARDS)
def comparison(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp(request.param)
    return load_comparison(request.param, [f"out={folder / 'out'}", "changes.training.batch=8"])


def test_it_has_every_method(comparison: Comparison) -> None:
    methods = {name for _, run in plan(comparison).of_students for name in run.recipe.method}
    assert methods == catalogue("methods", AbstractMethod).keys() - NEEDS_MORE


def test_every_row_can_begin(comparison: Comparison, tmp_path: Path) -> None:
    faces = FolderFaces(tiny.write_faces(tmp_path / "faces", identities=PEOPLE, images=2))
    for run in plan(comparison).runs:
        if run.group is None:
            write_trained(run.recipe.out, run.recipe.model)
        else:
            assert len(prepare(run.recipe, lambda _: Sets(faces, faces, None)).loader) == 1, run.name
