"""A YuNet whose faces are lamps: every lit cell of 32 x 32 px in a dark photograph is one.

It has the outputs that OpenCV's decoder expects of a YuNet and a convolution for each: the mean of a cell is its score,
the box is ``BOX_PX`` round the cell's middle, and the points are the template's, laid over the box.
"""

from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from facedistill.data.template import ARCFACE_TEMPLATE_PX

CELL_PX, BOX_PX = 32, 64
OFFSETS_PX = (ARCFACE_TEMPLATE_PX - 56) * BOX_PX / 112
"""Points round the middle of a lit cell."""


def write_detector(file: Path) -> Path:
    nodes, weights, outputs = [], [], []

    def head(name: str, stride: int, kernel: np.ndarray, bias: np.ndarray) -> None:
        """One output, B cells channels, of a convolution without overlap."""
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"{name}_w"))
        weights.append(numpy_helper.from_array(bias.astype(np.float32), f"{name}_b"))
        weights.append(numpy_helper.from_array(np.array([1, -1, len(bias)]), f"{name}_shape"))
        inputs = ["input", f"{name}_w", f"{name}_b"]
        nodes.append(helper.make_node("Conv", inputs, [f"{name}_map"], strides=[stride] * 2, kernel_shape=[stride] * 2))
        nodes.append(helper.make_node("Transpose", [f"{name}_map"], [f"{name}_cells"], perm=[0, 2, 3, 1]))
        nodes.append(helper.make_node("Reshape", [f"{name}_cells", f"{name}_shape"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "cells", len(bias)]))

    for part, bias in (("cls", [0]), ("obj", [0]), ("bbox", _box()), ("kps", _points())):
        for stride in (8, 16, 32):
            lit = part in ("cls", "obj") and stride == CELL_PX
            kernel = np.full((len(bias), 3, stride, stride), lit / (255 * 3 * stride**2))
            head(f"{part}_{stride}", stride, kernel, np.array(bias))
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 64, 64])
    graph = helper.make_graph(nodes, "lamps", [picture], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(file))
    return file


def _box() -> list[float]:
    """Middle and logarithm of the sides, in cells."""
    return [0.5, 0.5, np.log(BOX_PX / CELL_PX), np.log(BOX_PX / CELL_PX)]


def _points() -> list[float]:
    return list((0.5 + OFFSETS_PX / CELL_PX).ravel())


def photograph(*lamps: tuple[int, int], width: int = 256, height: int = 192, light: int = 255) -> np.ndarray:
    """Lamps at cells (column, row) of a dark photograph, RGB."""
    image = np.zeros((height, width, 3), np.uint8)
    for column, row in lamps:
        image[row * CELL_PX : (row + 1) * CELL_PX, column * CELL_PX : (column + 1) * CELL_PX] = light
    return image


def points_of(column: int, row: int) -> np.ndarray:
    return (np.array([column, row]) + 0.5) * CELL_PX + OFFSETS_PX


def write_photograph(file: Path, *lamps: tuple[int, int], light: int = 255) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(file), photograph(*lamps, light=light))
    return file
