"""What margin softmaxes share: cosines to class centres, a margin on the true one, cross entropy.

    cosθ_ij = <w_j, z_i> / ( ‖w_j‖ ‖z_i‖ )
    L = −(1/N) Σ_i log[ e^{s ψ_i} / ( e^{s ψ_i} + Σ_{j≠y_i} e^{s cosθ_ij} ) ]        ψ_i = ψ(cosθ_i,yi)

A margin softmax is its ψ.

Several processes share the centres by rows (model parallel): each compares the samples of all with its own. Where
``sample_rate`` is below 1, j runs over the centres of the whole batch's identities and over a random sample of the
others, drawn anew in every step: Partial FC: Training 10 Million Identities on a Single Machine. An et al. ICCVW 2021.
arXiv:2010.05222. Whether a centre is drawn depends on its number and the step alone, whatever the number of processes.
Centres that take no part get no gradient, not even one of zeros: it is sparse (``train/rows.py``).
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .. import shards
from ..align.chance import drawn
from ..align.cosines import cosines
from ..align.labelled import labelled_count
from ..errors import UserError
from ..types import UNLABELLED
from .contract import AbstractHead

Held = Literal["trained", "moved", "frozen"]
"""Centres that learn by gradient; that whoever inherits them moves by hand; that stay as they are."""

DRAWN_AT_ONCE = 1 << 14
"""Rows; a multiple of 16 of them is drawn as it would be within the whole table."""


class MarginHead(AbstractHead, shards.Sharded):
    """Margin softmax over identities, in float32 whatever the autocast."""

    centres: Tensor
    """This process's share of K D, of any length; only their directions count."""
    turn: Tensor | None
    """Counts the samplings, from a random number on; None where all centres take part."""

    def __init__(self, embedding: int, identities: int, *, scale: float, sample_rate: float = 1.0) -> None:
        super().__init__()
        if not 0 < sample_rate <= 1:
            raise UserError(f"A head's sample_rate is above 0 and at most 1, not {sample_rate:g}.")
        self.scale, self.sample_rate = scale, sample_rate
        self.share = shards.share_of(identities)
        # 0.01: insightface's heads; the length has no meaning but sets how far a step turns a centre.
        self.centres = nn.Parameter(_normal(self.share, embedding, std=0.01))
        self.register_buffer("turn", torch.randint(1 << 31, ()) if sample_rate < 1 else None)

    @abstractmethod
    def with_margin(
        self, cos_B: Float[Tensor, " B"], norm_B: Float[Tensor, " B"], labelled_B: Bool[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        """ψ: what stands in for the cosine to the true centre.

        Args:
            cos_B: cosine to the true centre; meaningless where that is not known, whose answer is not read.
            norm_B: length of the embedding.
            labelled_B: which samples have an identity, and its centre in this process. Of samples that several
                processes see, this is true in one of them.
        """

    def inherit(self, centres: Float[Tensor, "K D"], held: Held, dtype: torch.dtype = torch.float32) -> None:
        """Take over given class centres; those that are not trained have no optimiser state."""
        del self.centres
        own = self.share.of(centres.detach()).to(dtype, copy=True)
        if held == "moved":
            self.register_buffer("centres", own)
        else:
            self.centres = nn.Parameter(own, requires_grad=held == "trained")

    def shares(self) -> Mapping[str, shards.Share]:
        return {"centres": self.share}

    def class_centres(self) -> Float[Tensor, "K D"]:
        return shards.whole(self.centres, self.share)

    def cosines(self, embedding: Float[Tensor, "B D"]) -> Float[Tensor, "B K"]:
        seen_nD = shards.everyones(embedding, self.share)
        return shards.columns(cosines(seen_nD, shards.own_gradient(self.centres, self.share)), self.share)

    def forward(self, embedding: Float[Tensor, "B D"], labels: Int[Tensor, " B"]) -> Float[Tensor, ""]:
        with torch.autocast(embedding.device.type, enabled=False):
            seen_nD, labels_n = (shards.everyones(rows, self.share) for rows in (embedding.float(), labels))
            centres_kD, own_n = self._taking_part(self.share.here(labels_n))
            logits_nk = self._logits(cosines(seen_nD, centres_kD), seen_nD.norm(dim=1), own_n)
            # Sum over count instead of "mean", which is NaN where no sample is labelled.
            return shards.cross_entropy(logits_nk, own_n, labels_n, self.share) / labelled_count(labels_n)

    def _logits(
        self, cos_nk: Float[Tensor, "n k"], norm_n: Float[Tensor, " n"], own_n: Int[Tensor, " n"]
    ) -> Float[Tensor, "n k"]:
        """s·cosθ, and s·ψ at the true identity."""
        own_n1, count = own_n.clamp_min(0)[:, None], cos_nk.shape[1]
        if count == 0:  # the margin is asked for all the same: what it learns of lengths, all processes learn together
            cos_nk = F.pad(cos_nk, (0, 1))
        true_n = cos_nk.gather(1, own_n1)[:, 0]
        psi_n = self.with_margin(true_n, norm_n, own_n != UNLABELLED)
        # The first centre stands in for one that is not here, and keeps its cosine.
        psi_n = torch.where(own_n != UNLABELLED, psi_n, true_n)
        return self.scale * cos_nk.scatter(1, own_n1, psi_n[:, None])[:, :count]

    def _taking_part(self, own_n: Int[Tensor, " n"]) -> tuple[Float[Tensor, "k D"], Int[Tensor, " n"]]:
        """Centres that this step is about, and where among them each sample's own is."""
        if self.turn is None or not self.training:
            return shards.own_gradient(self.centres, self.share), own_n
        kept_k = self._sampled(own_n, self.turn.add_(1))
        rows_kD = F.embedding(kept_k, self.centres, sparse=self.centres.requires_grad)
        places_n = torch.where(own_n == UNLABELLED, own_n, torch.searchsorted(kept_k, own_n))
        return shards.own_gradient(rows_kD, self.share), places_n

    def _sampled(self, own_n: Int[Tensor, " n"], turn: Int[Tensor, ""]) -> Int[Tensor, " k"]:
        """Numbers of the centres whose samples are in the batch, and of others by chance."""
        numbers = torch.arange(self.share.first, self.share.last, device=own_n.device)
        kept_K = drawn(numbers, turn, self.sample_rate)
        kept_K[own_n[own_n != UNLABELLED]] = True
        return kept_K.nonzero()[:, 0]


def _normal(share: shards.Share, width: int, std: float) -> Float[Tensor, "k D"]:
    """This process's rows of a table that is the same whoever shares it, never in memory as a whole."""
    own = torch.empty(share.last - share.first, width)
    for start in range(0, share.rows, DRAWN_AT_ONCE):
        rows = torch.empty(min(DRAWN_AT_ONCE, share.rows - start), width).normal_(std=std)
        first, last = max(start, share.first), min(start + len(rows), share.last)
        if first < last:
            own[first - share.first : last - share.first] = rows[first - start : last - start]
    return own
