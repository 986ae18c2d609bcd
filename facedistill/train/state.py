"""What a run must keep to go on as if it had never stopped, as named tensors and numbers."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .. import dist


@dataclass(frozen=True)
class Learners:
    """Whatever changes while training."""

    objective: nn.Module
    optimiser: Optimizer
    averaged: nn.Module | None
    """Moving average of the model, if kept."""

    @property
    def trained(self) -> list[nn.Parameter]:
        """Every parameter that the optimiser moves."""
        return [parameter for group in self.optimiser.param_groups for parameter in group["params"]]


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, as they are now."""
    return {name: tensor.detach().contiguous() for name, tensor in module.state_dict().items()}


def flat(optimiser: Optimizer) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Optimiser state as named tensors and numbers: ``<parameter number>.<name>``."""
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, float] = {}
    for number, values in optimiser.state_dict()["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{number}.{name}"] = value.contiguous()
            elif value is not None:
                scalars[f"{number}.{name}"] = value
    return tensors, scalars


def unflat(optimiser: Optimizer, tensors: dict[str, Tensor], scalars: dict[str, float]) -> None:
    """Give an optimiser the state that ``flat`` took."""
    state: dict[int, dict[str, Tensor | float]] = {}
    values: dict[str, Tensor | float] = {**tensors, **scalars}
    for key, value in values.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    for weight, kept in optimiser.state.items():
        for name, value in kept.items():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                # Fused optimisers read all of a weight's tensors in the order in which they lie in memory.
                kept[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def random_state() -> dict[str, Tensor]:
    """The random numbers to come in this process."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, Tensor]) -> None:
    """Have the same random numbers come again; those of a device that is not here are passed over."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def everyones_random_state() -> dict[str, Tensor]:
    """A row for every process; every process must call it."""
    return {name: dist.stacked(value) for name, value in random_state().items()}


def own_random_state(everyones: dict[str, Tensor]) -> dict[str, Tensor]:
    """The row of this process, or of another one where there were fewer when it was saved."""
    rows = {name: value.reshape(-1, value.shape[-1]) for name, value in everyones.items()}
    # copied, because torch reads a random state from where its storage begins
    return {name: value[dist.rank() % len(value)].clone() for name, value in rows.items()}
