"""The processes that train together: who this one is, and how they meet and part."""

import atexit
import gc
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist


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
