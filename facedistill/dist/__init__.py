"""More than one process. Nothing else in the package imports ``torch.distributed``."""

from .messages import all_gather, all_sum, anyone, exchange, gather, in_turns, mean, stacked, wait_for_all
from .group import local_device, processes, rank, restarted, world
from .rows import Rows, load_rows, save_rows
from .networks import is_spread, local, put_together, shared, spread, spread_like

__all__ = [
    "Rows",
    "all_gather",
    "all_sum",
    "anyone",
    "exchange",
    "gather",
    "in_turns",
    "is_spread",
    "load_rows",
    "local",
    "local_device",
    "mean",
    "processes",
    "put_together",
    "rank",
    "restarted",
    "save_rows",
    "shared",
    "spread",
    "spread_like",
    "stacked",
    "wait_for_all",
    "world",
]
