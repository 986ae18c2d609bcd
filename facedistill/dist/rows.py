"""Tables whose rows lie in several processes, on disk."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from .group import world

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
