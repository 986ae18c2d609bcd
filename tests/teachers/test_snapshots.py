"""Which snapshot teaches when, and which ones are refused."""

from pathlib import Path

import pytest
import tiny
import torch
from safetensors.torch import save_file

from facedistill.backbones.load import load_backbone
from facedistill.errors import UserError
from facedistill.teachers.snapshots import Snapshots
from facedistill.train import run
from facedistill.types import Batch

NET = {"tiny.net": {"embedding": 6}}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [tiny.write_teacher(tmp_path / f"epoch{seed}", NET, seed=seed) for seed in range(3)]


def at(progress: float) -> Batch:
    nobody = torch.full((2,), -1)
    return Batch(nobody, nobody, nobody, torch.tensor(progress))


def test_each_snapshot_teaches_for_its_share_of_the_training(files: list[Path]) -> None:
    teacher = Snapshots(weights=files)
    images = tiny.images(2)
    alone = [load_backbone(file).eval()(images).embedding for file in files]
    for progress, due in [(0.0, 0), (0.33, 0), (0.34, 1), (0.66, 1), (0.67, 2), (1.0, 2), (0.0, 0)]:
        seen = teacher(images, at(progress))
        assert torch.allclose(seen.embedding, alone[due], atol=1e-6), progress
        assert not seen.embedding.requires_grad
    assert torch.allclose(teacher.reference(images), alone[2], atol=1e-6), "class means are the finished teacher's"
    assert not list(teacher.parameters())
    assert not teacher.state_dict()


def test_class_centres_are_those_of_the_last(files: list[Path]) -> None:
    assert Snapshots(weights=files).head_centres() is None
    for number, file in enumerate(files):
        save_file({"centres": torch.full((4, 6), float(number))}, file / "head.safetensors")
    centres = Snapshots(weights=files).head_centres()
    assert centres is not None
    assert centres.unique().tolist() == [2.0]


def test_snapshots_that_cannot_teach_are_refused(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"two files or more.*it has 1"):
        Snapshots(weights=files[:1])
    with pytest.raises(UserError, match=r"snapshot_every\); it has 0"):
        Snapshots(weights=files[0])
    with pytest.raises(UserError, match=r"nowhere is not a folder"):
        Snapshots(weights=tmp_path / "nowhere")
    other = tiny.write_teacher(tmp_path / "other", {"tiny.net": {"embedding": 5}})
    with pytest.raises(UserError, match=r"shapes differ: out\.weight is \(5, 128\) and should be \(6, 128\)"):
        Snapshots(weights=[other, *files])
    (tmp_path / "net.onnx").touch()
    with pytest.raises(UserError, match="ONNX files do not let out"):
        Snapshots(weights=[tmp_path / "net.onnx", *files])


def test_a_run_keeps_snapshots_and_teaches_with_them(tmp_path: Path) -> None:
    root = tiny.write_faces(tmp_path / "faces")
    first = tiny.recipe(root, tmp_path / "first", training={"snapshot_every": 2, "epochs": 4})
    run.fit(first)
    kept = sorted((first.out / "snapshots").iterdir())
    assert [file.name for file in kept] == ["0002.safetensors", "0004.safetensors"]
    assert kept[1].read_bytes() == (first.out / "model.safetensors").read_bytes()
    assert kept[0].read_bytes() != kept[1].read_bytes()
    second = tiny.recipe(
        root, tmp_path / "second", teacher={"snapshots": {"weights": first.out}},
        method={"feature_consistency": {"average": "entries"}}, training={"epochs": 2},
    )  # fmt: skip
    run.fit(second)
    assert not (second.out / "snapshots").exists()
    assert Snapshots(weights=first.out).head_centres().shape == (6, 8)
