"""Eight bits: static quantisation with one scale per tensor for maps and one per channel for weights, as QDQ.

Ranges are the smallest and largest values that calibration crops bring about. Maps are unsigned and weights signed,
the pair that x86 and ARM multiply fastest. Tensors between a ``Max`` share one scale, so that the bytes themselves are
compared (``prelu.for_integers``).
"""

import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from .graph import consumers, drop_unread, node, producers, replace_nodes, set_nodes
from .trace import PIXELS

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

OPERATORS = ("Conv", "Gemm", "MatMul", "Add", "LeakyRelu", "Relu")
"""What is quantised; norms, softmax and gates stay in float."""

_BATCH = 32


class Calibrated:
    """A graph with the range of each of its tensors, to be quantised as often as one likes.

    Args:
        core: from prepared pixels to the embedding, in the form of ``prelu.for_integers``.
        pixels: what the calibration crops look like to it.
    """

    def __init__(self, core: "ModelProto", pixels: Float[np.ndarray, "N 3 S S"]) -> None:
        self._core = core
        self._ranges = _ranges(core, pixels)
        for larger in core.graph.node:
            if larger.op_type == "Max":
                for name in (larger.input[1], larger.output[0]):
                    self._ranges[name] = self._ranges[larger.input[0]]

    @property
    def layers(self) -> "list[NodeProto]":
        """What can be kept in float, one by one: layers with weights of the student's own, in order."""
        return [each for each in self._core.graph.node if _is_layer(each)]

    def quantised(self, *, only: Collection[str] = (), floats: Collection[str] = ()) -> "ModelProto":
        """The graph in eight bits: all of it or ``only`` these nodes, but never ``floats``; both by their names."""
        from onnx import shape_inference
        from onnxruntime.quantization import QDQQuantizer, QuantType

        quantiser = QDQQuantizer(
            shape_inference.infer_shapes(self._core),
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=self._ranges,
            nodes_to_quantize=list(only),
            nodes_to_exclude=list(floats),
            op_types_to_quantize=list(OPERATORS),
            # What matrices answer goes to norms, to gates or into the embedding: none of them takes bytes.
            extra_options={"MatMulConstBOnly": True, "OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"]},
        )
        quantiser.quantize_model()
        quantiser.model.topological_sort()
        model: ModelProto = quantiser.model.model
        _compare_bytes(model)
        return model


def _is_layer(each: "NodeProto") -> bool:
    return each.op_type in OPERATORS and any(name.startswith("student.") for name in each.input)


def _ranges(core: "ModelProto", pixels: Float[np.ndarray, "N 3 S S"]) -> Any:
    import onnx
    from onnxruntime.quantization import CalibrationMethod, create_calibrator

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "core.onnx"
        onnx.save(core, file)
        calibrator = create_calibrator(
            file,
            [*OPERATORS, "Max"],
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=CalibrationMethod.MinMax,
            providers=["CPUExecutionProvider"],
        )
        calibrator.collect_data(_Reader(pixels))
        return calibrator.compute_data()


class _Reader:
    """Gives crops in batches, as onnxruntime asks for them."""

    def __init__(self, pixels: Float[np.ndarray, "N 3 S S"]) -> None:
        self._parts: Iterator[np.ndarray] = (pixels[start : start + _BATCH] for start in range(0, len(pixels), _BATCH))

    def get_next(self) -> dict[str, np.ndarray] | None:
        part = next(self._parts, None)
        return None if part is None else {PIXELS: part}


def _compare_bytes(model: "ModelProto") -> None:
    """Let every Max between dequantised tensors of one scale take the bytes themselves."""
    made_by, read_by = producers(model), consumers(model)
    gone: set[str] = set()

    def replacement(larger: "NodeProto") -> "list[NodeProto]":
        before = [made_by[name] for name in larger.input if name in made_by]
        if larger.op_type != "Max" or [each.op_type for each in before] != ["DequantizeLinear"] * 2:
            return [larger]
        after, values = read_by[larger.output[0]], larger.output[0]
        larger.input[:] = [each.input[0] for each in before]
        if [each.op_type for each in after] == ["QuantizeLinear"]:
            gone.add(after[0].name)
            larger.output[:] = after[0].output
            return [larger]
        larger.output[:] = [f"{values}_bytes"]
        return [larger, node("DequantizeLinear", [f"{values}_bytes", *before[0].input[1:]], values)]

    replace_nodes(model, replacement)
    set_nodes(model, [each for each in model.graph.node if each.name not in gone])
    drop_unread(model)
    del model.graph.value_info[:]
