"""The classifier's share of a step: forward, backward and update of the centres, at many identities."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..heads.cosface import CosFace
from ..train.rows import RowSteps
from . import eager
from .measure import Effort, conv_flops
from .row import Row, beside, near

WIDTH, BATCH = 512, 128
QUICK, FULL = 30_000, 93_431
"""Identities; as many as MS1MV3 where time allows."""

NOT_SLOWER = 1.0
"""Than the usual dozen lines; nothing is published for a CPU."""
SAMPLED, OF_SAMPLING = 0.1, 0.5
"""Partial FC's usual rate, and the share of its tenfold saving that a step of the head alone must keep."""


def bench_head(effort: Effort) -> list[Row]:
    """All centres, and a tenth of them."""
    identities = effort.of(QUICK, FULL)
    ways = {
        "ours": _step(CosFace(WIDTH, identities), identities),
        "sampled": _step(CosFace(WIDTH, identities, sample_rate=SAMPLED), identities),
        "eager": _step(eager.CosFace(WIDTH, identities), identities),
    }
    rates = {name: BATCH / seconds for name, seconds in effort.interleaved(ways, quick=5, full=9).items()}
    limit = conv_flops(effort) / (6 * WIDTH * identities)
    what = f"CosFace over {identities:,} identities"
    sampled = f"{what}, {SAMPLED:.0%} of them a step, of ten times that"
    return [
        beside("head.full", what, "faces/s", rates["ours"], rates["eager"], NOT_SLOWER, limit=limit),
        near("head.sampled", sampled, "faces/s", rates["sampled"], rates["ours"] / SAMPLED, OF_SAMPLING),
    ]


def _step(head: nn.Module, identities: int) -> Callable[[], None]:
    chance = torch.Generator().manual_seed(0)
    embedding = torch.randn(BATCH, WIDTH, generator=chance, requires_grad=True)
    optimiser = torch.optim.SGD(head.parameters(), lr=eager.LR, momentum=eager.MOMENTUM, weight_decay=eager.DECAY)

    RowSteps(optimiser)

    def step() -> None:
        labels: Tensor = torch.randint(0, identities, (BATCH,), generator=chance)
        optimiser.zero_grad()
        embedding.grad = None
        head(embedding, labels).backward()
        optimiser.step()

    return step
