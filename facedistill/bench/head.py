"""The classifier's share of a step: forward, backward and update of the centres, at many identities."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..heads.cosface import CosFace
from . import eager
from .measure import Effort, conv_flops
from .row import Row, beside

WIDTH, BATCH = 512, 128
QUICK, FULL = 30_000, 93_431
"""Identities; as many as MS1MV3 where time allows."""

NOT_SLOWER = 1.0
"""Than the usual dozen lines; nothing is published for a CPU."""


def bench_head(effort: Effort) -> list[Row]:
    """All centres, in every step."""
    identities = effort.of(QUICK, FULL)
    ways = {
        "ours": _step(CosFace(WIDTH, identities), identities),
        "eager": _step(eager.CosFace(WIDTH, identities), identities),
    }
    rates = {name: BATCH / seconds for name, seconds in effort.interleaved(ways, quick=5, full=9).items()}
    limit = conv_flops(effort) / (6 * WIDTH * identities)
    what = f"CosFace over {identities:,} identities"
    return [beside("head.full", what, "faces/s", rates["ours"], rates["eager"], NOT_SLOWER, limit=limit)]


def _step(head: nn.Module, identities: int) -> Callable[[], None]:
    chance = torch.Generator().manual_seed(0)
    embedding = torch.randn(BATCH, WIDTH, generator=chance, requires_grad=True)
    optimiser = torch.optim.SGD(head.parameters(), lr=eager.LR, momentum=eager.MOMENTUM, weight_decay=eager.DECAY)

    def step() -> None:
        labels: Tensor = torch.randint(0, identities, (BATCH,), generator=chance)
        optimiser.zero_grad()
        embedding.grad = None
        head(embedding, labels).backward()
        optimiser.step()

    return step
