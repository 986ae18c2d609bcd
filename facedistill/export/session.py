"""ONNX graphs and files, run by onnxruntime on the processor."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..teachers.onnx import open_session

if TYPE_CHECKING:
    from onnx import ModelProto

_BATCH = 64


def run(model: "ModelProto", inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The first answer of a graph for all rows of its inputs."""
    return run_session(open_session(model.SerializeToString(), "The graph", threads=1), inputs)


def run_session(session: Any, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The first answer of a session for all rows, in batches that the caches like."""
    rows = len(next(iter(inputs.values())))
    parts = [slice(start, start + _BATCH) for start in range(0, rows, _BATCH)]
    answers = [session.run(None, {name: value[part] for name, value in inputs.items()})[0] for part in parts]
    return np.concatenate(answers)
