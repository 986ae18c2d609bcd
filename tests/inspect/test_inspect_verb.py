"""``facedistill inspect``: on a recipe, on a run, and where it cannot."""

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import tiny
import torch
import yaml
from onnx import TensorProto, helper
from said import Call

from facedistill.backbones.load import read_tensors
from facedistill.config import dump_recipe, load_recipe
from facedistill.inspect.faces import mean_face
from facedistill.inspect.subjects import open_subjects
from facedistill.train.run import fit

PICTURES = {"receptive_fields.png", "cka.png", "pairs.png"}
URFM = {"urfm": {"centres": 9, "width": 8, "heads": 2, "margin": {"cosface": {"scale": 8}}}, "cosine": {}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe with a prompted teacher, its run of one epoch, and faces enough for a mean."""
    folder = tmp_path_factory.mktemp("inspect")
    tiny.write_faces(folder / "faces", identities=16, images=2)
    tiny.write_teacher(folder / "teacher")
    teacher = {"prompted": {"weights": str(folder / "teacher"), "count": 2}}
    recipe = tiny.recipe(folder / "faces", folder / "run", teacher=teacher, method=URFM, training={"epochs": 1})
    (folder / "recipe.yaml").write_text(dump_recipe(recipe))
    fit(recipe)
    return folder


def test_before_training_then_after(call: Call, folder: Path) -> None:
    before = call(
        "inspect", folder / "recipe.yaml", f"out={folder / 'none'}", "--out", folder / "before", "--count", 32, "--json"
    )
    figures = json.loads(before.out)
    assert (figures["student_trained"], figures["local_centres"], figures["faces"]) == (False, None, 32)
    assert {file.name for file in (folder / "before").iterdir()} == {*PICTURES, "inspect.json"}
    assert json.loads((folder / "before" / "inspect.json").read_text()) == figures
    after = call("inspect", folder / "run", "--faces", folder / "faces", "--out", folder / "after", "--count", 32)
    assert (after.code, "stage: -1, teacher_stage: -1" in after.out) == (0, True)
    assert "near 0 % all of them read one average of the face" in after.out
    figures = json.loads((folder / "after" / "inspect.json").read_text())
    assert figures["student_trained"]
    assert 0 < figures["local_centres"]["teacher"]["on_prompts"] < 1
    assert {file.name for file in (folder / "after").iterdir()} == {*PICTURES, "local_centres.png", "inspect.json"}
    assert np.std(cv2.imdecode(np.fromfile(folder / "after" / "receptive_fields.png", np.uint8), 1)) > 10
    suggested = yaml.safe_load(f"{{{figures['suggested'][0]['recipe']}}}")
    load_recipe(folder / "recipe.yaml", [f"method.urfm.{key}={value}" for key, value in suggested.items()])
    # A patch of 4 px of 16 for the student's convolution; a Transformer sees everything.
    assert figures["student"][0]["theoretical_px"] == [28, 28]
    assert figures["teacher"][0]["theoretical_px"] == [112, 112]


def test_a_run_is_what_it_has_learned(folder: Path) -> None:
    recipe = load_recipe(folder / "run" / "config.yaml")
    (saved,) = (folder / "run" / "checkpoints").glob("epoch-*/objective.safetensors")
    state, _ = read_tensors(saved)
    subjects = open_subjects(recipe, saved)
    assert subjects.urfm is not None
    torch.testing.assert_close(
        subjects.urfm.mapping.centres.centres.data, state["methods.urfm.mapping.centres.centres"]
    )
    pixels = torch.randn(2, 3, tiny.SIZE_PX, tiny.SIZE_PX)
    fresh = open_subjects(recipe.model_copy(update={"out": folder / "none"}))
    assert (subjects.teacher.see(pixels).embedding - fresh.teacher.see(pixels).embedding).abs().max() > 0
    # A run that has not ended keeps its student in the checkpoint alone.
    unfinished = open_subjects(recipe.model_copy(update={"out": folder / "none"}), saved)
    torch.testing.assert_close(unfinished.student.see(pixels).embedding, subjects.student.see(pixels).embedding)


def test_an_onnx_teacher_shows_no_stages(call: Call, folder: Path, tmp_path: Path) -> None:
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["B", 3, 16, 16])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["B", 768])
    graph = helper.make_graph([helper.make_node("Flatten", ["pixels"], ["embedding"])], "net", [pixels], [embedding])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "net.onnx"
    )
    live = f"teacher={{live: {{weights: {tmp_path / 'net.onnx'}}}}}"
    said = call("inspect", folder / "recipe.yaml", live, "method={cosine: {}}", "--out", tmp_path / "new")
    assert "This teacher gives embedding and no stages to look at" in said.err
    assert not (tmp_path / "new").exists()


def test_it_says_why_it_cannot(call: Call, folder: Path, tmp_path: Path) -> None:
    recipe, out = folder / "recipe.yaml", ("--out", tmp_path / "new")
    assert "exists and is never overwritten" in call("inspect", recipe, "--out", folder).err
    assert "has no teacher" in call("inspect", recipe, "teacher=null", "method=null", *out).err
    few = tiny.write_faces(tmp_path / "few", identities=8, images=4)
    assert "32 faces of 8 people; a mean face" in call("inspect", recipe, "--faces", few, *out).err
    assert "was written by another recipe" in call("inspect", folder / "run", "method.urfm.width=16", *out).err
    assert not (tmp_path / "new").exists()


def test_the_mean_face_is_the_mean() -> None:
    images = tiny.images(5)
    assert mean_face(images) == pytest.approx(np.asarray(images).mean((0, 1)) / 255, abs=1e-6)
