"""A frozen network that answers from the images: a checkpoint of any backbone here, or an ONNX file."""

from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from ..backbones.contract import AbstractBackbone
from ..backbones.load import load_backbone, weights_file
from ..errors import UserError
from .frozen import AbstractFrozen, head_beside
from .onnx import OnnxNetwork


class Live(AbstractFrozen):
    """Embedding and stages of a frozen network; of an ONNX file, the embedding.

    Args:
        weights: a safetensors file, a run folder, or an ONNX file that takes RGB pixels from -1 to 1 (teacher
            ``onnx`` takes others).
        backbone: the network's choice, where a safetensors file does not say.
        precision: what it computes in; it answers in float32.

    Raises:
        UserError: weights that are missing, unreadable or do not fit.
    """

    def __init__(
        self,
        *,
        weights: str | Path,
        backbone: dict[str, Any] | str | None = None,
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        self._weights = weights_file(weights)
        super().__init__(open_network(self._weights, backbone), precision)

    @property
    def files(self) -> tuple[Path, ...]:
        return (self._weights,)

    def head_centres(self) -> Tensor | None:
        return head_beside(self._weights)


def open_network(weights: Path, backbone: dict[str, Any] | str | None = None) -> AbstractBackbone:
    """The network behind a safetensors file, a run folder or an ONNX file.

    Raises:
        UserError: as ``Live``.
    """
    if weights.suffix != ".onnx":
        return load_backbone(weights, backbone)
    if backbone is not None:
        raise UserError(f"{weights} is its own network; leave out `backbone` for an ONNX file.")
    return OnnxNetwork(weights)
