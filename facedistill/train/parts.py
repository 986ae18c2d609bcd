"""Tables in checkpoints: every process writes its own rows and reads those that are its own by then.

A checkpoint names its tensors ``objective.<name>`` and ``optimiser.<parameter number>.<name>``. One process alone holds
tables whole and keeps them with everything else, so that a run may go on with more processes, fewer, or one.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from .. import dist
from ..shards import Share, shares_in
from .state import Learners, flat, tensors_of

FOLDER = "parts"
Tensors = dict[str, Tensor]


class Tables:
    """The tables of a run, as far as this process holds them."""

    def __init__(self, learners: Learners) -> None:
        self._learners = learners
        self._shares = {f"objective.{name}": share for name, share in shares_in(learners.objective).items()}
        named = {weight: f"objective.{name}" for name, weight in learners.objective.named_parameters()}
        for number, weight in enumerate(learners.trained):
            if (share := self._shares.get(named.get(weight, ""))) is not None:
                self._shares[f"optimiser.{number}"] = share

    def split(self) -> tuple[Tensors, Tensors]:
        """What is whole in every process, and this process's parts of tables."""
        everything = {f"objective.{name}": tensor for name, tensor in tensors_of(self._learners.objective).items()}
        everything |= {f"optimiser.{name}": tensor for name, tensor in flat(self._learners.optimiser)[0].items()}
        parts = {name: tensor for name, tensor in everything.items() if self._share(name, tensor) is not None}
        return {name: tensor for name, tensor in everything.items() if name not in parts}, parts

    def write(self, folder: Path, parts: Mapping[str, Tensor]) -> None:
        """Write the parts of all processes; all must ask.

        Raises:
            OSError: the disk refuses, in one of them.
        """
        dist.save_rows(folder, {name: (tensor, self._rows(name, tensor)) for name, tensor in parts.items()})

    def own(self, whole: Mapping[str, Tensor]) -> Tensors:
        """Tensors that one process had, where they are tables this process's rows of them."""
        shares = {name: self._share(name, tensor) for name, tensor in whole.items()}
        return {name: tensor if (share := shares[name]) is None else share.of(tensor) for name, tensor in whole.items()}

    def read(self, folder: Path, names: Iterable[str]) -> Tensors:
        """This process's rows of the tables that several processes wrote; all must ask."""
        found = {name: torch.empty_like(self._model_for(name)) for name in names}
        dist.load_rows(folder, {name: (tensor, self._rows(name, tensor)) for name, tensor in found.items()})
        return found

    def whole_bytes(self, name: str, tensor: Tensor) -> int:
        """What ``tensor`` takes with the rows of all processes."""
        return tensor.nbytes if not len(tensor.shape) else tensor.nbytes * self._rows(name, tensor) // len(tensor)

    def _share(self, name: str, tensor: Tensor) -> Share | None:
        """AdamW's count of steps, one number, is everybody's."""
        kind, number, _ = f"{name}..".split(".", 2)
        key = name if kind == "objective" else f"{kind}.{number}"
        return self._shares.get(key) if tensor.dim() else None

    def _rows(self, name: str, tensor: Tensor) -> int:
        share = self._share(name, tensor)
        return len(tensor) if share is None else share.rows

    def _model_for(self, name: str) -> Tensor:
        """A tensor of this run with the same shape."""
        kind, rest = name.split(".", 1)
        if kind == "objective":
            return tensors_of(self._learners.objective)[rest]
        return self._learners.trained[int(rest.split(".")[0])].detach()
