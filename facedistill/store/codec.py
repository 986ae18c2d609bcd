"""Answers as they lie on disk: fp16, or int8 with a scale for every channel of every sample.

q = round( 127 x / m ),  x ≈ q m / 127        m = max |x| over the channel's cells; over all entries of an embedding
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import UserError
from .layout import Column

LARGEST = 127


class AbstractCodec(ABC):
    """A way to write an answer as columns, and to read it again in float32."""

    @abstractmethod
    def columns(self, answer: str, shape: tuple[int, ...]) -> tuple[Column, ...]:
        """Of an answer whose rows have ``shape``."""

    @abstractmethod
    def pack(self, answer: str, values: Float[Tensor, "B ..."]) -> dict[str, Tensor]:
        """Rows of every column by its name.

        Raises:
            UserError: values that are not finite, or too large.
        """

    @abstractmethod
    def unpack(self, answer: str, rows: Mapping[str, Tensor]) -> Float[Tensor, "B ..."]:
        """What ``pack`` was given, as nearly as was kept."""


class HalfPrecision(AbstractCodec):
    """11 significant bits: 1 − cos of an embedding is about 2e-8."""

    def columns(self, answer: str, shape: tuple[int, ...]) -> tuple[Column, ...]:
        return (Column(answer, "float16", shape),)

    def pack(self, answer: str, values: Float[Tensor, "B ..."]) -> dict[str, Tensor]:
        halves = values.half()
        if not halves.isfinite().all():
            raise UserError(
                f"The teacher's {answer} reaches {values.abs().max():.3g}, which fp16 cannot hold (65504 at most); use "
                "--dtype int8, or look at its weights."
            )
        return {answer: halves}

    def unpack(self, answer: str, rows: Mapping[str, Tensor]) -> Float[Tensor, "B ..."]:
        return rows[answer].float()


class Bytes(AbstractCodec):
    """Half the space of fp16; 1 − cos of an embedding is about 3e-5."""

    def columns(self, answer: str, shape: tuple[int, ...]) -> tuple[Column, ...]:
        return (Column(answer, "int8", shape), Column(_scale(answer), "float32", _channels(shape)))

    def pack(self, answer: str, values: Float[Tensor, "B ..."]) -> dict[str, Tensor]:
        if not values.isfinite().all():
            raise UserError(f"The teacher's {answer} is not finite; look at its weights.")
        channels = (len(values), *_channels(tuple(values.shape[1:])))
        cells = values.reshape(*channels, -1)
        scale = cells.abs().amax(-1) / LARGEST
        whole = (cells / scale.clamp_min(torch.finfo(scale.dtype).tiny)[..., None]).round()
        return {answer: whole.to(torch.int8).reshape(values.shape), _scale(answer): scale}

    def unpack(self, answer: str, rows: Mapping[str, Tensor]) -> Float[Tensor, "B ..."]:
        whole, scale = rows[answer], rows[_scale(answer)]
        return (whole.reshape(*scale.shape, -1) * scale[..., None]).reshape(whole.shape)


CODECS: Mapping[str, AbstractCodec] = {"fp16": HalfPrecision(), "int8": Bytes()}


def _scale(answer: str) -> str:
    return f"{answer}.scale"


def _channels(shape: tuple[int, ...]) -> tuple[int, ...]:
    """What one scale serves: the whole of a vector, each channel of a map."""
    return shape[:1] if len(shape) > 1 else (1,)
