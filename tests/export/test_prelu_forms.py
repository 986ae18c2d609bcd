"""PReLU in other operators: the same values, whatever the slopes are."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from facedistill.export.prelu import for_floats, for_integers
from facedistill.export.session import run

SLOPES = {
    "learned": np.array([0.25, -0.3, 0.0, 1.0], np.float32),
    "one above 1": np.array([0.25, 1.5, 0.0, -2.0], np.float32),
    "shared": np.array([0.2], np.float32),
}
FORMS = {"floats": for_floats, "integers": for_integers}


def model(slopes: np.ndarray, *, width: int = 4) -> ModelProto:
    shape = ["batch", width, 5, 5]
    graph = helper.make_graph(
        [helper.make_node("PRelu", ["pixels", "slopes"], ["embedding"])],
        "prelu",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(slopes.reshape(-1, 1, 1), "slopes")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("slopes", SLOPES.values(), ids=SLOPES)
def test_every_form_has_the_values_of_the_equation(
    form: Callable[[ModelProto], ModelProto], slopes: np.ndarray
) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4, 5, 5)).astype(np.float32)
    rewritten = form(model(slopes))
    onnx.checker.check_model(rewritten, full_check=True)
    assert "PRelu" not in {node.op_type for node in rewritten.graph.node}
    a = np.broadcast_to(slopes, 4).reshape(4, 1, 1)
    expected = np.maximum(x, 0) + a * np.minimum(x, 0)
    np.testing.assert_allclose(run(rewritten, {"pixels": x}), expected, atol=1e-6)


def test_the_graph_that_is_rewritten_stays_as_it_is() -> None:
    before = model(SLOPES["learned"])
    kept = before.SerializeToString()
    for_floats(before)
    for_integers(before)
    assert before.SerializeToString() == kept


def test_slopes_of_another_shape_are_left_alone() -> None:
    before = model(np.arange(5, dtype=np.float32))
    before.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.arange(5, dtype=np.float32) / 5, "slopes"))
    assert [node.op_type for node in for_floats(before).graph.node] == ["PRelu"]
