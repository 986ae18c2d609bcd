"""A Core ML file as it was written, and its operations in PyTorch: what they mean, not what Core ML makes of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

KINDS = {"fp32": torch.float32, "fp16": torch.float16}


def opened(file: Path) -> tuple[Any, Any]:
    """The specification, and its one function with the weights that lie beside it."""
    from coremltools.converters.mil.frontend.milproto.load import load
    from coremltools.models import MLModel

    model = MLModel(str(file), skip_model_load=True)
    spec = model.get_spec()
    return spec, load(spec, spec.specificationVersion, model.weights_dir).functions["main"]


def _conv(x: Tensor, weight: Tensor, bias: Tensor, **rest: Any) -> Tensor:
    assert rest["pad_type"] in ("valid", "custom")
    top, bottom, left, right = rest["pad"] if rest["pad_type"] == "custom" else [0] * 4
    padded = F.pad(x, (left, right, top, bottom))
    return F.conv2d(padded, weight, bias, tuple(rest["strides"]), 0, tuple(rest["dilations"]), rest["groups"])


MEANING: Mapping[str, Callable[..., Tensor]] = {
    "add": lambda x, y: x + y,
    "cast": lambda x, dtype: x.to(KINDS[dtype]),
    "conv": _conv,
    "linear": F.linear,
    "mul": lambda x, y: x * y,
    "prelu": lambda x, alpha: F.prelu(x, alpha),
    "reduce_sum": lambda x, axes, keep_dims: x.sum(tuple(axes), keepdim=bool(keep_dims)),
    "reshape": lambda x, shape: x.reshape(*shape),
    "reverse": lambda x, axes: x.flip(*axes),
    "rsqrt": lambda x, epsilon: torch.rsqrt(x + epsilon),
    "sub": lambda x, y: x - y,
}
"""By operation, of the inputs as Core ML names them."""


def run(function: Any, planes: Tensor) -> Tensor:
    """What the operations make of numbers from 0 to 255, 1 3 S S; every one must be known."""
    known: dict[str, Any] = dict.fromkeys(function.inputs, planes)
    for operation in function.operations:
        if operation.op_type != "const":
            given = {name: _value(var, known) for name, var in operation.inputs.items()}
            given = {"input" if name == "x" and operation.op_type == "linear" else name: x for name, x in given.items()}
            known[operation.outputs[0].name] = MEANING[operation.op_type](**given)
    return known[function.outputs[0].name]


def _value(var: Any, known: Mapping[str, Any]) -> Any:
    if var.name in known:
        return known[var.name]
    value = var.val
    if isinstance(value, np.ndarray | np.floating) and np.asarray(value).dtype.kind == "f":
        return torch.from_numpy(np.array(value))
    return value
