"""More than one process. Nothing else in the package imports ``torch.distributed``."""

import atexit
import gc
import importlib
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


def rank() -> int:
    """Number of this process, 0 where there is only one."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextmanager
def processes(device: torch.device) -> Iterator[None]:
    """Join the processes that ``torchrun`` started; on its own a process stays alone."""
    if "WORLD_SIZE" not in os.environ or dist.is_initialized():
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(local_device(device))
    _import_before_the_group()
    store, own_rank, count = next(dist.rendezvous("env://"))
    # Addresses of processes that died stay in the store, and those that replace them would wait for them forever.
    store = dist.PrefixStore(f"start {_restarts()}", store)
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=own_rank, world_size=count)
    _hold_until_exit(dist.group.WORLD)
    try:
        yield
    finally:
        dist.destroy_process_group()


def _import_before_the_group() -> None:
    """What would hold the group forever if it were imported later, as a default argument of its functions."""
    for module in ("torch._dynamo", "torch.distributed.checkpoint", "torch.distributed.fsdp"):
        importlib.import_module(module)


def _hold_until_exit(group: object) -> None:
    """Be the last to hold ``group``, and let go of it while Python is whole.

    The group's threads end with it. One that frees a tensor after Python has ended aborts the process; and were a
    network the last to let go, it would wait for threads that wait for Python.
    """
    held = [group]

    def let_go() -> None:
        gc.collect()  # networks, and the tracebacks that hold some
        held.clear()

    atexit.register(let_go)


def restarted() -> bool:
    """Whether ``torchrun`` starts the processes again, after one of them died."""
    return _restarts() > 0


def _restarts() -> int:
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def local_device(device: torch.device) -> torch.device:
    """The GPU that belongs to this process under ``torchrun``; any other device as it is."""
    local = os.environ.get("LOCAL_RANK")
    return torch.device("cuda", int(local)) if local and device.type == "cuda" and device.index is None else device


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


def mean(value: Tensor) -> Tensor:
    """Mean of a detached tensor over processes."""
    return value if world() == 1 else all_sum(value) / world()


def gather(rows: Shaped[Tensor, "B ..."]) -> Shaped[Tensor, "B_world ..."]:
    """The rows of all processes in the order of the whole batch, which gives them to the processes in turn.

    Every process must hold equally many.

    Every process then computes the loss of the whole batch. The gradient of a row is summed over the processes, and
    ``shared`` averages the weights' gradients: together that is the gradient of one process with the whole batch.
    """
    if world() == 1:
        return rows
    gathered: Tensor = _Gather.apply(rows)
    return gathered


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        return in_turns(all_gather(rows))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return all_sum(gradients[0])[rank() :: world()]


def in_turns(parts: Sequence[Shaped[Tensor, "B ..."]]) -> Shaped[Tensor, "B_world ..."]:
    """A row of every part, then another one of every part, and so on."""
    return torch.stack(list(parts), dim=1).flatten(0, 1)


def stacked(value: Shaped[Tensor, "*shape"]) -> Shaped[Tensor, "world *shape"]:
    """A small tensor of every process, on the CPU."""
    if world() == 1:
        return value.cpu()[None]
    return torch.stack(all_gather(value.to(_wire()))).cpu()


def anyone(*flags: bool) -> list[bool]:
    """Each flag, true where it is so in any process."""
    if world() == 1:
        return list(flags)
    return [count > 0 for count in all_sum(torch.tensor(flags, dtype=torch.int64, device=_wire())).tolist()]


def wait_for_all() -> None:
    """Return when every process has come here."""
    anyone(False)


def _wire() -> torch.device:
    """Where tensors must be to travel."""
    return torch.device("cuda" if dist.get_backend() == "nccl" else "cpu")


def all_gather(rows: Tensor) -> list[Tensor]:
    """A detached tensor of every process, by rank."""
    everyone = [torch.empty_like(rows) for _ in range(world())]
    dist.all_gather(everyone, rows.contiguous())
    return everyone


def all_sum(value: Tensor) -> Tensor:
    """Sum of a detached tensor over processes."""
    total = value.contiguous().clone()
    dist.all_reduce(total)
    return total


def exchange(pieces: Sequence[Tensor], shapes: Sequence[tuple[int, ...]]) -> list[Tensor]:
    """What each process has for this one, of the ``shapes`` given, for the piece that this one has for each."""
    sent = torch.cat([piece.reshape(-1) for piece in pieces])
    counts = [prod(shape) for shape in shapes]
    received = sent.new_empty(sum(counts))
    dist.all_to_all_single(received, sent, counts, [piece.numel() for piece in pieces])
    return [part.reshape(shape) for part, shape in zip(received.split(counts), shapes, strict=True)]


Rows = Mapping[str, tuple[Tensor, int]]
"""This process's rows of tables, by name, each with how many rows the whole table has."""


def save_rows(folder: Path, tables: Rows) -> None:
    """Write the rows of all processes into ``folder`` as safetensors that tell where they belong.

    Every process must call it.

    Raises:
        OSError: the disk refuses, in one of them.
    """
    from torch.distributed import checkpoint

    # Its own format would pickle what it says about the tensors.
    writer = checkpoint.HuggingFaceStorageWriter(str(folder), save_distributed=True)
    with _refusals():
        checkpoint.save(_placed(tables), storage_writer=writer)


def load_rows(folder: Path, tables: Rows) -> None:
    """Fill the rows of this process with what any number of processes has written; every process must call it.

    Raises:
        OSError: a table is not there, or has another shape.
    """
    from torch.distributed import checkpoint

    reader = checkpoint.HuggingFaceStorageReader(str(folder))
    with _refusals(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)  # so it is in one process
        checkpoint.load(_placed(tables), storage_reader=reader)


def _placed(tables: Rows) -> dict[str, Tensor]:
    """Tensors that know which rows of a table they are, as ``torch.chunk`` shares them."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Shard

    def place(own: Tensor, rows: int) -> Tensor:
        if len(own) == rows:  # whole, or spread
            return own
        mesh = init_device_mesh(own.device.type, (world(),))
        shape, stride = torch.Size([rows, *own.shape[1:]]), own.stride()
        return DTensor.from_local(own, mesh, [Shard(0)], run_check=False, shape=shape, stride=stride)

    return {name: place(own, rows) for name, (own, rows) in tables.items()}


@contextmanager
def _refusals() -> Iterator[None]:
    """What went wrong in any of the processes, as the error that a file would give."""
    from torch.distributed.checkpoint.api import CheckpointException

    try:
        yield
    except CheckpointException as error:
        raise OSError("; ".join(str(reason) for reason, _ in error.failures.values())) from None
