"""Tables in checkpoints: every process writes its own rows and reads those that are its own by then.

A checkpoint names its tensors ``objective.<name>`` and ``optimiser.<parameter number>.<name>``. One process alone holds
tables whole and keeps them with everything else, so that a run may go on with more processes, fewer, or one.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .. import dist
from ..shards import Share, shares_in
from .state import flat, tensors_of

FOLDER = "parts"
Tensors = dict[str, Tensor]


class Tables:
    """The tables of a run, as far as this process holds them."""

    def __init__(self, objective: nn.Module, optimiser: Optimizer | None = None) -> None:
        groups = [] if optimiser is None else optimiser.param_groups
        self._objective, self._optimiser = objective, optimiser
        self._trained: list[nn.Parameter] = [weight for group in groups for weight in group["params"]]
        self._shares = {f"objective.{name}": share for name, share in shares_in(objective).items()}
        named = {weight: f"objective.{name}" for name, weight in objective.named_parameters()}
        for number, weight in enumerate(self._trained):
            if (share := self._shares.get(named.get(weight, ""))) is not None:
                self._shares[f"optimiser.{number}"] = share

    def split(self) -> tuple[Tensors, Tensors]:
        """What is whole in every process, and this process's parts of tables."""
        everything = {f"objective.{name}": tensor for name, tensor in tensors_of(self._objective).items()}
        if self._optimiser is not None:
            everything |= {f"optimiser.{name}": tensor for name, tensor in flat(self._optimiser)[0].items()}
        parts = {name: each for name, each in everything.items() if dist.is_spread(each) or self._share(name, each)}
        return {name: tensor for name, tensor in everything.items() if name not in parts}, parts

    def write(self, folder: Path, parts: Mapping[str, Tensor]) -> None:
        """Write the parts of all processes; every process must call it.

        Raises:
            OSError: the disk refuses, in one of them.
        """
        dist.save_rows(folder, {name: (tensor, self._rows(name, tensor)) for name, tensor in parts.items()})

    def own(self, whole: Mapping[str, Tensor]) -> Tensors:
        """Tensors that one process had, where they are tables this process's rows of them."""
        models = self._models()
        return {name: self._own(name, tensor, models(name)) for name, tensor in whole.items()}

    def _own(self, name: str, tensor: Tensor, model: Tensor | None) -> Tensor:
        share = self._share(name, tensor)
        rows = tensor if share is None else share.of(tensor)
        return rows if model is None or model.shape != rows.shape else dist.spread_like(model, rows)

    def read(self, folder: Path, names: Iterable[str]) -> Tensors:
        """This process's rows of the tables that several processes wrote; every process must call it.

        Raises:
            ValueError: this run has no such table.
            OSError: it is not there, or has another shape.
        """
        models, found = self._models(), Tensors()
        for name in names:
            if (model := models(name)) is None:
                raise ValueError(f"there is no {name} here")
            found[name] = torch.empty_like(model)
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

    def _models(self) -> Callable[[str], Tensor | None]:
        """Tensors of this run by the names they would have, with the shape that is wanted; None for unknown names."""
        held = {f"objective.{name}": tensor for name, tensor in self._objective.state_dict().items()}
        weights = {f"optimiser.{number}": weight.detach() for number, weight in enumerate(self._trained)}
        return lambda name: held.get(name) if name in held else weights.get(".".join(name.split(".")[:2]))
