"""``evaluate`` as a person meets it: every kind of model, and one sentence where options do not fit."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from facedistill.backbones.contract import Preprocess  # noqa: E402
from facedistill.backbones.metadata import preprocess_metadata  # noqa: E402


def write_onnx(file: Path, metadata: dict[str, str]) -> Path:
    """A network that embeds a face as its mean colour in each of four rows, times a matrix."""
    weight = np.random.default_rng(0).normal(size=(12, 8)).astype(np.float32)
    nodes = [
        helper.make_node("AveragePool", ["pixels"], ["pooled"], kernel_shape=[4, 16], strides=[4, 16]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["embedding"]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["b", 3, 16, 16])
    answer = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["b", 8])
    graph = helper.make_graph(nodes, "rows", [pixels], [answer], [numpy_helper.from_array(weight, "weight")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, metadata)
    onnx.save(model, file)
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    tiny.write_faces(folder / "faces")
    tiny.write_teacher(folder / "run")
    stated = preprocess_metadata(Preprocess(16, mean=100.0, std=50.0, order="bgr"))
    write_onnx(folder / "stated.onnx", stated)
    write_onnx(folder / "silent.onnx", {})
    return folder


FEW = ("--far", "0.1", "--replicates", "5")


def judged(call, folder: Path, model: str | Path, *options: object) -> dict:
    said = call("evaluate", folder / model, "--on", f"s={folder / 'faces'}", *FEW, *options, "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)["s"]


def as_other(options: list[str]) -> list[str]:
    return [option.replace("--preprocess", "--other-preprocess") for option in options]


def test_preprocessing_is_given_or_stated(call, folder: Path) -> None:
    given = [part for option in ("mean=100", "std=50", "order=bgr") for part in ("--preprocess", option)]
    stated = judged(call, folder, "stated.onnx")
    assert judged(call, folder, "silent.onnx", *given) == stated
    assert stated["protocol"]["preprocessing"] == "16 x 16 px, BGR, (x - 100) / 50"
    assert judged(call, folder, "silent.onnx")["xnorm"] != stated["xnorm"]
    beside = judged(call, folder, "stated.onnx", "--against", folder / "silent.onnx", *as_other(given))
    assert beside["against"]["tar_at_far"] == stated["tar_at_far"]
    per_channel = judged(call, folder, "silent.onnx", "--preprocess", "mean=[1, 2, 3]")
    assert "(x - (1, 2, 3)) / 127.5" in per_channel["protocol"]["preprocessing"]


def test_stored_embeddings_give_the_same_figures(call, folder: Path, tmp_path: Path) -> None:
    assert call("embed", folder / "run", folder / "faces", tmp_path / "stored").code == 0
    stored = judged(call, folder, tmp_path / "stored")
    live = judged(call, folder, "run")
    assert stored["tar_at_far"] == live["tar_at_far"]
    assert stored["protocol"]["embedding"].startswith("as stored in stored")


def test_a_cache_is_filled_only_where_asked(call, folder: Path, tmp_path: Path) -> None:
    plain = judged(call, folder, "run")
    assert judged(call, folder, "run", "--cache", tmp_path / "cache") == plain
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert judged(call, folder, "run", "--cache", tmp_path / "cache") == plain
    assert judged(call, folder, "stated.onnx", "--cache", tmp_path / "cache") != plain
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_several_sets_another_model_and_coarser_pictures(call, folder: Path, tmp_path: Path) -> None:
    said = call(
        "evaluate", folder / "run", "--on", f"a={folder / 'faces'}", "--on", f"b={folder / 'faces'}", *FEW,
        "--against", folder / "stated.onnx", "--resolution", "16,8", "--out", tmp_path / "out",
    )  # fmt: skip
    assert said.code == 0, said.err
    results = json.loads((tmp_path / "out" / "result.json").read_text())
    assert list(results) == ["a", "b"]
    assert results["a"] == results["b"]
    assert set(results["a"]["resolution"]["query"]) == {"16", "8"}
    assert "more than the other model" in said.out
    assert (tmp_path / "out" / "b_resolution.png").is_file()


@pytest.mark.parametrize(
    ("model", "options", "sentence"),
    [
        ("run", ("--preprocess", "mean=1"), "--preprocess is for ONNX files"),
        ("silent.onnx", ("--preprocess", "maen=1"), "Unknown key 'maen' in --preprocess; did you mean 'mean'?"),
        ("silent.onnx", ("--preprocess", "mean"), "takes KEY=VALUE"),
        ("silent.onnx", ("--preprocess", "mean=["), "is not YAML"),
        ("silent.onnx", ("--preprocess", "order=grb"), "'--preprocess.order' cannot be 'grb'"),
        ("silent.onnx", ("--preprocess", "size_px=32"), "size_px"),
        ("stated.onnx", ("--preprocess", "order=rgb"), "states order 'bgr' for itself"),
        ("run", ("--other-preprocess", "mean=1"), "--other-preprocess is for the model of --gallery or --against"),
        ("run", ("--other-backbone", "tiny.net"), "--other-backbone is for the model of --gallery or --against"),
        ("run", ("--far", "2"), "A FAR lies between 0 and 1"),
        ("run", ("--convention", "tfaec"), "Unknown convention 'tfaec'; did you mean 'tface'?"),
        ("run", ("--on", "s=x"), "two sets called 's'"),
        ("run", ("--resolution", "112;56"), "--resolution takes pixels"),
        ("run", ("--resolution", "0"), "at least one pixel"),
        ("run", ("--out", "EXISTS"), "never overwritten"),
        ("run", ("--on", "a/b=x"), "--on takes NAME=PATH"),
        ("run", ("--on", "notes=NOTES"), "No benchmark recognises"),
        ("STORED", ("--flip",), "leave out --flip"),
        ("STORED", ("--preprocess", "mean=1"), "leave out --preprocess"),
        ("STORED", ("--resolution", "8"), "has no embedding of 24 of 24 images, such as p0/p0_0001.png at 8 px"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence(
    call, folder: Path, tmp_path: Path, model: str, options: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    places = {"EXISTS": tmp_path, "notes=NOTES": f"notes={tmp_path / 'notes.txt'}"}
    chosen = folder / model
    if model == "STORED":
        chosen = tmp_path / "stored"
        assert call("embed", folder / "run", folder / "faces", chosen).code == 0
    said = call("evaluate", chosen, "--on", f"s={folder / 'faces'}", *FEW, *(places.get(o, o) for o in options))
    assert (said.code, sentence in said.error) == (2, True), said.err


@pytest.mark.real
@pytest.mark.slow
def test_edgeface_on_lfw_as_one_json_object(call, shared: Path) -> None:
    """99.52 % +- 0.05: the squared distance's grid gives 99.48, that of the plain distance 99.52."""
    said = call(
        "evaluate", shared / "models" / "edgeface_xs.onnx", "--on", f"lfw={shared / 'faces' / 'lfw'}",
        "--no-flip", "--replicates", "10", "--json",
    )  # fmt: skip
    assert json.loads(said.out)["lfw"]["accuracy"] == pytest.approx(0.9952, abs=0.0005)
