"""Networks over several processes: gradients averaged (DDP), or weights shared as well (FSDP2)."""

import warnings
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .group import world


def shared(module: nn.Module, apart: Iterable[str] = ()) -> nn.Module:
    """``module`` with its gradients averaged over processes.

    Args:
        apart: names of tensors that differ between processes and are left alone.
    """
    left_alone = set(apart)
    if world() == 1 or all(name in left_alone for name, weight in module.named_parameters() if weight.requires_grad):
        return module
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(module, list(left_alone))
    return DistributedDataParallel(module)


def spread(network: nn.Module) -> None:
    """Have the processes share the weights of ``network``, and with them gradients and optimiser state (FSDP2).

    Blocks in a list are put together one at a time, when their turn comes, all else with the network.
    """
    from torch.distributed.fsdp import fully_shard

    # Nobody writes into features in place, which is what the views among them would suffer from.
    warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor", UserWarning)
    for weight in network.parameters():
        weight.data = weight.data.contiguous()
    for part in [part for part in network.modules() if isinstance(part, nn.ModuleList)]:
        for block in part:
            fully_shard(block)
    fully_shard(network)


def is_spread(tensor: Tensor) -> bool:
    """Whether this process holds only a part of it, by ``spread``."""
    return world() > 1 and isinstance(tensor, _in_parts())


def local(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor."""
    return tensor.to_local() if world() > 1 and isinstance(tensor, _in_parts()) else tensor


def put_together(tensor: Tensor) -> Tensor:
    """All of a tensor, in every process; every process must call it."""
    return tensor.full_tensor() if world() > 1 and isinstance(tensor, _in_parts()) else tensor


def _in_parts() -> Any:
    """The kind of tensor that is spread; a second to import, which one process alone is spared."""
    from torch.distributed.tensor import DTensor

    return DTensor


def spread_like(model: Tensor, full: Tensor) -> Tensor:
    """``full``, which every process has, as the processes hold ``model``; every process must call it."""
    from torch.distributed.tensor import distribute_tensor

    if world() == 1 or not isinstance(model, _in_parts()):
        return full
    return distribute_tensor(full, model.device_mesh, model.placements)
