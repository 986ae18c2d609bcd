"""Any network as an ONNX file: it gives embeddings only."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..backbones.contract import AbstractBackbone, Preprocess
from ..backbones.load import weights_file
from ..backbones.metadata import agreed, stated_preprocess
from ..errors import UserError, first_line
from ..types import Features, Spec
from .frozen import AbstractFrozen, head_beside

Scale = float | tuple[float, float, float]
"""One number, or one per channel in the network's order."""


class Onnx(AbstractFrozen):
    """Embeddings of an ONNX file with one image input and one embedding output B D.

    The input is B 3 S S in float32, or B S S 3 or B 3 S S in uint8: a file that takes bytes prepares its pixels itself.

    Args:
        weights: the file; it must hold all its tensors.
        mean, std: the network's pixels are (x - mean) / std with x in 0..255; what the file's metadata state, or else
            127.5, which insightface and EdgeFace use. Bytes are given as they are.
        order: colour order of the network's channels; as the metadata state, or else rgb.
        size_px: side of the input, where the file leaves it free; as the metadata state, or else 112.

    Raises:
        UserError: onnxruntime is not installed; the file is missing, unreadable, of another form, or states otherwise.
    """

    def __init__(
        self,
        *,
        weights: str | Path,
        mean: Scale | None = None,
        std: Scale | None = None,
        order: Literal["rgb", "bgr"] | None = None,
        size_px: int | None = None,
    ) -> None:
        self._weights = weights_file(weights)
        super().__init__(OnnxNetwork(self._weights, mean=mean, std=std, order=order, size_px=size_px))

    @property
    def files(self) -> tuple[Path, ...]:
        return (self._weights,)

    def head_centres(self) -> Tensor | None:
        return head_beside(self._weights)


class OnnxNetwork(AbstractBackbone):
    """A backbone without stages that onnxruntime computes."""

    def __init__(
        self,
        file: Path,
        *,
        mean: Scale | None = None,
        std: Scale | None = None,
        order: Literal["rgb", "bgr"] | None = None,
        size_px: int | None = None,
    ) -> None:
        self._session = open_session(file.read_bytes(), str(file))
        self.image_input = _image_input(self._session, file)
        self.output = _embedding_output(self._session, file)
        given = {"mean": mean, "std": std, "order": order, "size_px": size_px}
        stated = stated_preprocess(self._session.get_modelmeta().custom_metadata_map, file)
        super().__init__(_preprocess(_without_none(given), stated, self.image_input, file))

    def features(self, pixels: Float[Tensor, "B 3 S S"]) -> Features:
        prepared = self.image_input.prepared(pixels)
        parts = np.split(prepared, len(prepared)) if self.image_input.one_by_one else [prepared]
        answers = [self._session.run([self.output], {self.image_input.name: part})[0] for part in parts]
        return Features(torch.from_numpy(np.concatenate(answers)).to(pixels.device, torch.float32))

    @cached_property
    def spec(self) -> Spec:
        """Measured on one grey image: files may leave the width of their output open."""
        size_px = self.preprocess.size_px
        return Spec(self.features(torch.zeros(1, 3, size_px, size_px)).embedding.shape[1], (), size_px)


def _without_none(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


@dataclass(frozen=True)
class ImageInput:
    """The image input of a file."""

    name: str
    one_by_one: bool
    side_px: int | None
    """None where the file leaves it free."""
    takes_bytes: bool
    channels_last: bool

    def prepared(self, pixels: Float[Tensor, "B 3 S S"]) -> np.ndarray:
        values = pixels.detach().float().cpu()
        if self.takes_bytes:
            values = values.round().clamp(0, 255).to(torch.uint8)
        return (values.permute(0, 2, 3, 1) if self.channels_last else values).contiguous().numpy()


def _preprocess(given: Mapping[str, Any], stated: Mapping[str, Any], input: ImageInput, file: Path) -> Preprocess:
    """What was asked for, what the file states and what its input's form fixes, where none contradicts another."""
    fixed: dict[str, Any] = {} if input.side_px is None else {"size_px": input.side_px}
    if input.takes_bytes:
        fixed |= {"mean": 0.0, "std": 1.0}
    chosen = agreed(agreed(given, stated, file), fixed, file)
    return Preprocess(**{"size_px": 112, **chosen})


def open_session(data: bytes, name: str, *, threads: int | None = None) -> Any:
    """What runs an ONNX file, given as its bytes; ``name`` is what errors call it.

    With ``threads`` it runs on the processor, on so many; otherwise on whatever there is, on as many as torch.

    Raises:
        UserError: onnxruntime is not installed; the file is damaged, or keeps tensors in other files.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise UserError(f"Reading {name} needs onnxruntime; install it with: pip install 'facedistill[onnx]'") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    wanted = _PROVIDERS if threads is None else _PROVIDERS[-1:]
    usable = [provider for provider in wanted if provider in onnxruntime.get_available_providers()]
    with tempfile.TemporaryDirectory() as empty:
        # Tensors kept in other files would be looked for here, and not found: one file is the whole network.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", empty)
        try:
            return onnxruntime.InferenceSession(data, options, providers=usable)
        except Exception as error:  # onnxruntime's errors share no other base
            raise UserError(f"{name} cannot be run as one whole ONNX file: {first_line(error)}") from None


_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


def _image_input(session: Any, file: Path) -> ImageInput:
    """The only input."""
    inputs = session.get_inputs()
    shape, takes_bytes = list(inputs[0].shape), inputs[0].type == "tensor(uint8)"
    channels_last = takes_bytes and len(shape) == 4 and shape[3] == 3 and shape[1] != 3
    if channels_last:
        shape = [shape[number] for number in (0, 3, 1, 2)]
    image = len(shape) == 4 and shape[1] == 3 and (takes_bytes or inputs[0].type == "tensor(float)")
    if len(inputs) != 1 or not image:
        raise UserError(
            f"{file} must take one float32 input B 3 S S, or one of bytes B S S 3; it takes {_described(inputs)}."
        )
    batch, _, height, width = shape
    if isinstance(batch, int) and batch != 1:
        raise UserError(f"{file} takes batches of {batch} only; export it with a free batch axis.")
    if isinstance(height, int) and isinstance(width, int) and height != width:
        raise UserError(f"{file} takes images of {height} x {width}; faces are square.")
    return ImageInput(
        inputs[0].name, batch == 1, height if isinstance(height, int) else None, takes_bytes, channels_last
    )


def _embedding_output(session: Any, file: Path) -> str:
    outputs = session.get_outputs()
    flat = [output.name for output in outputs if len(output.shape) == 2]
    if len(flat) != 1:
        raise UserError(f"{file} must give one embedding B D; it gives {_described(outputs)}.")
    name: str = flat[0]
    return name


def _described(values: Any) -> str:
    return ", ".join(f"{value.name} {value.type} {value.shape}" for value in values)
