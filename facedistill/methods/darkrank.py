"""DarkRank: Accelerating Deep Metric Learning via Cross Sample Similarities Transfer. Chen, Wang, Zhang. AAAI 2018.
arXiv:1707.01220

    s_ij = −α ‖ f_i − f_j ‖^β
    P(π) = Π_k exp( s_π(k) ) / Σ_{l≥k} exp( s_π(l) )            probability of a ranking π (Plackett, Luce)
    hard:  L = −(1/n) Σ_i log P_S( π_T,i )                       π_T: the teacher's own ranking
    soft:  L = (1/n) Σ_i Σ_π P_T(π) log( P_T(π) / P_S(π) )       all rankings of the list

f: embeddings of the whole batch, of length 1. A list holds the others, nearest first as the teacher sees them.
"""

from itertools import permutations
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from ..align.relations import directions, distances, others
from ..errors import UserError
from ..method import AbstractMethod
from ..types import Batch, Features, Terms

LONGEST_SOFT = 6
"""720 rankings; every further sample multiplies them."""


class DarkRank(AbstractMethod):
    """Term ``rank``; a sum over the list, so it grows with ``length``.

    Widths may differ. Equally near samples keep the order of the batch.

    Args:
        transfer: ``hard``, the teacher's ranking as the truth, or ``soft``, its probabilities of all rankings.
        length: of the list; all others where None. 4 in the comparisons of RKD's authors.
        alpha, beta: α and β, the paper's 3 and 3.

    Raises:
        UserError: alpha not above 0, beta below 1, a list shorter than 2, a soft list longer than 6.
    """

    uses = frozenset({"embedding"})

    def __init__(
        self,
        *,
        transfer: Literal["hard", "soft"] = "hard",
        length: int | None = None,
        alpha: float = 3.0,
        beta: float = 3.0,
    ) -> None:
        super().__init__()
        if alpha <= 0 or beta < 1:
            raise UserError(f"DarkRank needs alpha > 0 and beta >= 1; it got {alpha:g} and {beta:g}.")
        if length is not None and length < 2:
            raise UserError(f"A ranking of {length} says nothing; give DarkRank a length of 2 or more.")
        if transfer == "soft" and (length is None or length > LONGEST_SOFT):
            raise UserError(f"DarkRank's soft transfer counts all rankings; give it a length of 2 to {LONGEST_SOFT}.")
        self.soft, self.length, self.alpha, self.beta = transfer == "soft", length, alpha, beta

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        s_S, s_T = (-self.alpha * others(distances(rows)) ** self.beta for rows in directions(student, teacher))
        ranking = s_T.argsort(dim=1, descending=True, stable=True)[:, : self.length]
        s_S, s_T = s_S.gather(1, ranking), s_T.gather(1, ranking)
        loss_B = list_divergence(s_S, s_T) if self.soft else -log_probability(s_S)
        return {"rank": loss_B.mean()}


def log_probability(ordered: Float[Tensor, "*lists L"]) -> Float[Tensor, "*lists"]:
    """log P of the order in which the scores stand."""
    rest = ordered.flip(-1).logcumsumexp(-1).flip(-1)
    return (ordered - rest).sum(-1)


def list_divergence(own: Float[Tensor, "n L"], wanted: Float[Tensor, "n L"]) -> Float[Tensor, " n"]:
    """KL( P_T ‖ P_S ) over all orders of the list."""
    orders = torch.tensor(list(permutations(range(own.shape[1]))), dtype=torch.int64, device=own.device)
    log_S, log_T = log_probability(own[:, orders]), log_probability(wanted[:, orders])
    return (log_T.exp() * (log_T - log_S)).sum(1)
