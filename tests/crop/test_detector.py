"""What the detector answers, in whose pixels, and what it says of files that are none; then which face is taken."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lamps
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from facedistill.crop import DetectedFaces, Face, NoFace, Several, SeveralFaces, YuNet
from facedistill.crop.choose import choose
from facedistill.crop.detector import Box, DetectedFace
from facedistill.errors import UserError


def test_faces_have_points_box_and_score(detector: Path) -> None:
    dim, bright = lamps.photograph((1, 4), light=200), lamps.photograph((6, 1))
    first, second = YuNet(detector).faces(dim + bright)
    np.testing.assert_allclose(first.face.points_px, lamps.points_of(6, 1), atol=1e-3)
    np.testing.assert_allclose(second.face.points_px, lamps.points_of(1, 4), atol=1e-3)
    assert (first.face.score, second.face.score) == pytest.approx((1.0, 200 / 255), abs=1e-5)
    assert second.box_px == pytest.approx((16, 112, 64, 64), abs=1e-3)


def test_the_photographs_colours_reach_the_network_in_its_order(detector: Path, tmp_path: Path) -> None:
    """YuNet takes BGR; the toy is taught to see blue alone."""
    model = onnx.load(str(detector))
    for weights in model.graph.initializer:
        if weights.name in ("cls_32_w", "obj_32_w"):
            kernel = onnx.numpy_helper.to_array(weights) * 3
            kernel[:, 1:] = 0
            weights.CopyFrom(onnx.numpy_helper.from_array(kernel, weights.name))
    onnx.save(model, str(tmp_path / "blue.onnx"))
    photograph = lamps.photograph((2, 2))
    yunet = YuNet(tmp_path / "blue.onnx")
    assert len(yunet.faces(photograph * np.array([0, 0, 1], np.uint8))) == 1
    assert yunet.faces(photograph * np.array([1, 1, 0], np.uint8)) == []


def test_weak_faces_do_not_count(detector: Path) -> None:
    dim = lamps.photograph((3, 2), light=140)
    assert YuNet(detector).faces(dim) == []
    assert len(YuNet(detector, min_score=0.5).faces(dim)) == 1


@pytest.mark.parametrize("times", [2, 4])
def test_a_large_photograph_is_shrunk_and_its_points_are_scaled_back(detector: Path, times: int) -> None:
    large = np.kron(lamps.photograph((2, 3)), np.ones((times, times, 1), np.uint8))
    (found,) = YuNet(detector, longest_px=256).faces(large)
    # A pixel became times x times of them, whose middle lies between their centres.
    np.testing.assert_allclose(found.face.points_px, (lamps.points_of(2, 3) + 0.5) * times - 0.5, atol=0.01)
    assert found.box_px == pytest.approx((times * 48, times * 80, times * 64, times * 64), abs=0.01)


def test_a_small_photograph_is_not_enlarged(detector: Path) -> None:
    (found,) = YuNet(detector, longest_px=4000).faces(lamps.photograph((2, 3)))
    np.testing.assert_allclose(found.face.points_px, lamps.points_of(2, 3), atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (33, 7)])
def test_odd_shapes_have_no_faces(detector: Path, shape: tuple[int, int]) -> None:
    assert YuNet(detector, longest_px=100).faces(np.zeros((*shape, 3), np.uint8)) == []


def test_threads_may_share_a_detector(detector: Path) -> None:
    yunet = YuNet(detector)
    shapes = [(96, 96), (256, 160), (320, 352), (64, 128)]
    photographs = [lamps.photograph((i % 2, 1), width=w, height=h) for i in range(8) for h, w in shapes]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(yunet.faces, photographs))
    for found, photograph in zip(together, photographs, strict=True):
        (one,), (alone,) = found, yunet.faces(photograph)
        np.testing.assert_array_equal(one.face.points_px, alone.face.points_px)


def _letter(file: Path) -> None:
    file.write_text("Dear reader")


def _empty(file: Path) -> None:
    file.touch()


def _half(file: Path) -> None:
    whole = lamps.write_detector(file).read_bytes()
    file.write_bytes(whole[: len(whole) // 2])


def _other_network(file: Path) -> None:
    """It reads pictures and answers, but not about faces."""
    _write_network(file, "Relu")


def _unknown_layer(file: Path) -> None:
    """OpenCV complains of it on stderr, too."""
    _write_network(file, "Ponder")


def _write_network(file: Path, layer: str) -> None:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 64, 64]) for name in ("input", "output")]
    graph = helper.make_graph([helper.make_node(layer, ["input"], ["output"])], "net", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(file))


@pytest.mark.parametrize("spoil", [_letter, _empty, _half, _other_network, _unknown_layer])
def test_what_is_no_yunet_is_said_and_nothing_else(spoil, tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    spoil(tmp_path / "x.onnx")
    with pytest.raises(UserError, match=r"x\.onnx is not a YuNet that OpenCV can read; give the ONNX file of one"):
        YuNet(tmp_path / "x.onnx")
    assert capfd.readouterr() == ("", "")


def test_a_missing_detector_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no detector"):
        YuNet(tmp_path / "none.onnx")


SMALL = DetectedFace(Face(lamps.points_of(0, 0), 0.9), Box(90, 90, 20, 20))
LARGE = DetectedFace(Face(lamps.points_of(1, 0), 0.8), Box(0, 0, 60, 50))
WIDE = DetectedFace(Face(lamps.points_of(2, 0), 0.7), Box(120, 120, 99, 12))


def test_one_of_several_faces_is_taken_by_the_rule() -> None:
    def taken(several: Several, min_face_px: int = 0) -> Face:
        return choose([SMALL, LARGE, WIDE], (200, 200), several=several, min_face_px=min_face_px)

    assert taken(Several.LARGEST) is LARGE.face
    assert taken(Several.CENTRAL) is SMALL.face
    assert taken(Several.CENTRAL, min_face_px=21) is LARGE.face
    assert taken(Several.ERROR, min_face_px=21) is LARGE.face, "the others do not count"
    with pytest.raises(SeveralFaces, match="it shows 2 faces"):
        taken(Several.ERROR, min_face_px=15)
    with pytest.raises(NoFace, match="no face of at least 51 px was found, only smaller ones"):
        taken(Several.LARGEST, min_face_px=51)
    with pytest.raises(NoFace, match="no face was found"):
        choose([], (200, 200), several=Several.LARGEST, min_face_px=0)


def test_a_locator_takes_the_photographs_middle_from_the_photograph(detector: Path) -> None:
    photograph = lamps.photograph((2, 5), (10, 1), width=512, height=192)
    central = DetectedFaces(YuNet(detector), several=Several.CENTRAL).locate("x.jpg", photograph)
    np.testing.assert_allclose(central.points_px, lamps.points_of(10, 1), atol=1e-3)
