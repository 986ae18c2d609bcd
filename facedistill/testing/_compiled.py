"""Whether a part is one graph to a compiler, which stops at what it cannot look through."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ..types import Features, Terms
from ._ask import demand
from ._method_case import tensors


def demand_one_graph(who: str, module: nn.Module, *given: object) -> None:
    """Compiled without a graph break, ``module`` answers as before; takes seconds.

    It needs a process without shape checks, which no compiler can look through.
    """
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    try:
        answer = compiled(*given)
    except torch._dynamo.exc.TorchDynamoException as error:
        raise AssertionError(f"{who} does not compile as one graph: {_reason(error)}") from None
    pairs = zip(_answers(module(*given)), _answers(answer), strict=True)
    same = all(torch.allclose(plain, other, rtol=1e-4, atol=1e-6, equal_nan=True) for plain, other in pairs)
    demand(same, f"{who}: its answers change when it is compiled.")


def _reason(error: Exception) -> str:
    """The compiler's headline and, where it has one, what it means."""
    lines = [line.strip() for line in str(error).splitlines()]
    meant = [line.removeprefix("Explanation: ") for line in lines if line.startswith("Explanation: ")]
    return " ".join(f"{line.rstrip('.')}." for line in (lines[0], *meant[:1]))


def _answers(answer: Features | Terms) -> Iterable[Tensor]:
    return tensors(answer) if isinstance(answer, Features) else answer.values()
