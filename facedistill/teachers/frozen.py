"""A network that nothing changes, and the teachers that are nothing else."""

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Literal, TypeVar

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from ..backbones.contract import AbstractBackbone
from ..backbones.load import read_tensors
from ..errors import UserError
from ..types import Batch, Features
from .contract import AbstractTeacher

HEAD_FILE = "head.safetensors"
"""The classifier in a run folder: ``centres``, K D."""

Network = TypeVar("Network", bound=AbstractBackbone)


class Frozen(nn.Module, Generic[Network]):
    """Keeps a network as it is: in evaluation mode, without gradients of its own, out of every checkpoint.

    The network is no submodule: ``train()`` does not reach it, no optimiser finds its weights and no state dict
    holds them. It follows ``.to()`` as a submodule would.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        network.eval().requires_grad_(False)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._held = (network,)

    @property
    def network(self) -> Network:
        return self._held[0]

    def awake(self) -> Network:
        """The network, checked.

        Raises:
            RuntimeError: somebody has put it into training mode behind our back.
        """
        if self.network.training:
            raise RuntimeError("A frozen teacher was put into training mode: its dropout and BatchNorm would wake.")
        return self.network

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Frozen[Network]":
        self.network._apply(fn, recurse)
        return super()._apply(fn, recurse)


class AbstractFrozen(AbstractTeacher):
    """A teacher that is a frozen network and nothing else."""

    def __init__(self, network: AbstractBackbone, precision: Literal["fp32", "bf16"] = "fp32") -> None:
        super().__init__()
        self.frozen = Frozen(network)
        self.spec = network.spec
        self.precision = precision

    @property
    def provides(self) -> frozenset[str]:
        return frozenset({"embedding", "stages"} if self.spec.stages else {"embedding"})

    @property
    def network(self) -> AbstractBackbone:
        return self.frozen.network

    # no_grad, not inference_mode: whoever learns from these answers keeps them for a backward pass.
    @torch.no_grad()
    def forward(self, images: UInt8[Tensor, "B 3 H W"], batch: Batch) -> Features:
        """The network's features in float32, whatever precision surrounds the call."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            seen: Features = self.frozen.awake()(images)
        return Features(seen.embedding.float(), tuple(stage.float() for stage in seen.stages))

    @abstractmethod
    def head_centres(self) -> Tensor | None: ...


def head_beside(weights: Path) -> Float[Tensor, "K D"] | None:
    """The classifier in ``head.safetensors`` beside ``weights``, or None where there is no such file.

    Raises:
        UserError: the file holds no ``centres``.
    """
    file = weights.with_name(HEAD_FILE)
    if not file.is_file():
        return None
    tensors, _ = read_tensors(file)
    if "centres" not in tensors:
        raise UserError(f"{file} holds no 'centres'; remove it, or write the classifier K D under that name.")
    return tensors["centres"]
