"""Bytes that one process holds, counted on small modules of the same kind.

table rows of a process     r = ceil(K / W)                                 K identities, W processes
rows that take part         k = q r + (1 − q) K (1 − (1 − 1/K)^n) / W       q = sample_rate, n samples of all processes
"""

from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from math import ceil

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.optim import Optimizer

from ..heads.margin import MarginHead
from ..shards import Sharded

FEW = (8, 16)
"""Identities."""


@dataclass(frozen=True)
class Held:
    """Bytes of one part of a training, in one process."""

    weights: int = 0
    gradients: int = 0
    optimiser: int = 0
    activations: int = 0
    """What the way back needs, kept from the way forth."""

    def __add__(self, other: "Held") -> "Held":
        return Held(
            self.weights + other.weights,
            self.gradients + other.gradients,
            self.optimiser + other.optimiser,
            self.activations + other.activations,
        )

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimiser + self.activations


@dataclass(frozen=True)
class Crowd:
    """How many take part."""

    identities: int
    world: int
    batch: int
    """Samples of one process."""

    @property
    def samples(self) -> int:
        """Of all processes."""
        return self.batch * self.world

    @property
    def rows(self) -> int:
        """Of a table, in one process."""
        return ceil(self.identities / self.world)

    def taking_part(self, sample_rate: float) -> int:
        """Of them, in one step: the expected number, identities being equally frequent."""
        if sample_rate == 1:
            return self.rows
        seen = self.identities * (1 - (1 - 1 / self.identities) ** self.samples) / self.world
        return round(sample_rate * self.rows + (1 - sample_rate) * seen)


def held_by(build: Callable[[int], nn.Module], slots: int, crowd: Crowd) -> Held:
    """Weights, gradients and optimiser state of what ``build`` makes for so many identities.

    It is built for few identities twice: what is not a table grows in proportion to them, or does not.

    Args:
        slots: numbers that the optimiser keeps for each weight.
    """
    few, more = (_but_tables(build(count), slots) for count in FEW)
    tables = sum((_table(*each, slots, crowd) for each in _tables(build(FEW[0]))), Held())
    both = zip(astuple(few), astuple(more), strict=True)
    return tables + Held(*(line(FEW, pair, crowd.identities) for pair in both))


def line(at: tuple[int, int], seen: tuple[int, int], wanted: int) -> int:
    """What grows in proportion, seen at two places, at a third one."""
    return round(seen[0] + (wanted - at[0]) * (seen[1] - seen[0]) / (at[1] - at[0]))


def _but_tables(module: nn.Module, slots: int) -> Held:
    tables = {tensor for tensor, _ in _tables(module)}
    total = Held()
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor not in tables:
            learns = tensor.nbytes * tensor.requires_grad
            total += Held(tensor.nbytes, learns, slots * learns)
    return total


def _table(table: Tensor, sample_rate: float, slots: int, crowd: Crowd) -> Held:
    row = table[0].nbytes
    learns = row * table.requires_grad
    return Held(row * crowd.rows, learns * crowd.taking_part(sample_rate), slots * learns * crowd.rows)


def _tables(module: nn.Module) -> Iterator[tuple[Tensor, float]]:
    """Tables that processes share, and which part of their rows takes part in a step."""
    for part in module.modules():
        if isinstance(part, Sharded):
            named = {**dict(part.named_parameters()), **dict(part.named_buffers())}
            rate = part.sample_rate if isinstance(part, MarginHead) else 1.0
            yield from ((named[name], rate) for name in part.shares())


def slots_of(optimiser: Callable[[nn.Parameter], Optimizer]) -> int:
    """Numbers that an optimiser keeps for every weight: 1 for momentum, 2 for AdamW's means."""
    weight = nn.Parameter(torch.zeros(3, 5))
    built = optimiser(weight)
    weight.grad = torch.zeros_like(weight)
    built.step()
    return sum(isinstance(value, Tensor) and value.shape == weight.shape for value in built.state[weight].values())


class Saved:
    """Bytes that the way forth keeps for the way back; weights and buffers of ``module`` are counted elsewhere."""

    def __init__(self, module: nn.Module) -> None:
        held = (*module.parameters(), *module.buffers())
        self._others = {tensor.untyped_storage()._cdata for tensor in held}
        self._seen: dict[int, Tensor] = {}
        self.hooks = saved_tensors_hooks(self._pack, lambda tensor: tensor)

    @property
    def nbytes(self) -> int:
        return sum(tensor.untyped_storage().nbytes() for tensor in self._seen.values())

    def _pack(self, tensor: Tensor) -> Tensor:
        key = tensor.untyped_storage()._cdata
        if key not in self._others:
            self._seen[key] = tensor.detach()  # kept, so that its place is not given to another one
        return tensor
