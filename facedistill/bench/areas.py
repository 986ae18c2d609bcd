"""All that can be measured, area by area, as one JSON object."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import torch

from ..export.bench import machine_name
from ..train.allocator import keep_freed_memory
from .evaluate import bench_evaluate
from .head import bench_head
from .load import bench_load
from .measure import Effort
from .row import Row
from .store import bench_store
from .train import bench_train

AREAS: dict[str, Callable[[Effort], list[Row]]] = {
    "train": bench_train,
    "store": bench_store,
    "load": bench_load,
    "head": bench_head,
    "evaluate": bench_evaluate,
}


def measure(
    areas: Sequence[str], effort: Effort, report: Callable[[str, int, int], object] = lambda name, done, of: None
) -> dict[str, Any]:
    """Every row of ``areas`` by its key, with the machine that it is of; ``report`` hears of areas that are done.

    ``computed_s`` is processor time: what ``took_s`` would be on one core that does nothing else.
    """
    torch.set_num_threads(effort.threads)
    cv2.setNumThreads(0)
    keep_freed_memory()  # as every training has it
    start, computed, rows = time.monotonic(), time.process_time(), list[Row]()
    for done, area in enumerate(areas, 1):
        rows += AREAS[area](effort)
        report("areas", done, len(areas))
    return {
        "machine": machine_name(),
        "torch": torch.__version__,
        "threads": effort.threads,
        "quick": effort.quick,
        "took_s": round(time.monotonic() - start, 1),
        "computed_s": round(time.process_time() - computed, 1),
        "targets": {row.key: row.as_json() for row in rows},
    }
