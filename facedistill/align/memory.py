"""What is kept from earlier batches, in buffers, the same in every process."""

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn


@torch.no_grad()
def put(
    memory: Shaped[Tensor, "M ..."], keys: Int[Tensor, " n"], rows: Shaped[Tensor, "n ..."], valid: Bool[Tensor, " n"]
) -> None:
    """``memory[keys] = rows`` for the valid rows; of several with one key the last wins.

    Every row that shares a key, and every row that is not valid, repeats what a winner writes: equal bits whatever the
    order on the device, and no shape that depends on the data.
    """
    number = torch.arange(len(keys), device=keys.device)
    last = torch.where((keys[:, None] == keys) & valid, number, -1).argmax(1)
    source = last[torch.where(valid, number, valid.int().argmax())]
    key = keys[source].clamp_min(0)
    memory[key] = torch.where(_like(valid.any(), rows), rows[source], memory[key]).to(memory.dtype)


def _like(flag: Bool[Tensor, ""], rows: Tensor) -> Tensor:
    return flag.view((1,) * rows.dim())


class Queue(nn.Module):
    """The newest ``size`` rows, first in, first out; empty places are 0 and say so."""

    rows: Tensor
    filled: Tensor
    pointer: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(size, width))
        self.register_buffer("filled", torch.zeros(size, dtype=torch.bool))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def push(self, rows: Float[Tensor, "n D"]) -> None:
        """Take the rows of a whole batch, the last ones where they are more than fit."""
        rows = rows[-len(self.rows) :]
        places = (self.pointer + torch.arange(len(rows), device=rows.device)) % len(self.rows)
        self.rows[places] = rows.detach().float()
        self.filled[places] = True
        self.pointer.copy_((self.pointer + len(rows)) % len(self.rows))


class ClassBank(nn.Module):
    """The newest rows of every identity, each with the step at which it came.

    Args:
        identities, places, width: K banks of P rows of width D.
        valid_steps: for how many steps a row counts.
    """

    rows: Tensor
    born: Tensor
    next_place: Tensor
    step: Tensor

    def __init__(self, identities: int, places: int, width: int, valid_steps: int) -> None:
        super().__init__()
        self.places, self.valid_steps = places, valid_steps
        self.register_buffer("rows", torch.zeros(identities * places, width))
        self.register_buffer("born", torch.full((identities * places,), -valid_steps - 1))
        self.register_buffer("next_place", torch.zeros(identities, dtype=torch.int64))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def push(self, rows: Float[Tensor, "n D"], labels: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
        """Take the labelled rows of a whole batch as one step, and say where each is, -1 where it is not kept."""
        self.step += 1
        valid, own = labels >= 0, labels.clamp_min(0)
        same = (own[:, None] == own) & valid
        earlier = same.tril(-1).sum(1)
        place = own * self.places + (self.next_place[own] + earlier) % self.places
        put(self.rows, place, rows.detach().float(), valid)
        put(self.born, place, self.step.expand(len(place)), valid)
        put(self.next_place, labels, (self.next_place[own] + same.sum(1)) % self.places, valid)
        replaced = ((place[:, None] == place) & valid).triu(1).any(1)
        return torch.where(valid & ~replaced, place, -1)

    def of(self, labels: Int[Tensor, " n"]) -> tuple[Int[Tensor, "n P"], Float[Tensor, "n P D"], Bool[Tensor, "n P"]]:
        """Places, rows, and which of them count, of each sample's identity; none for unlabelled samples."""
        place = labels.clamp_min(0)[:, None] * self.places + torch.arange(self.places, device=labels.device)
        counts = (self.step - self.born[place] < self.valid_steps) & (labels >= 0)[:, None]
        return place, self.rows[place], counts
