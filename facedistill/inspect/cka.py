"""Linear CKA: how alike two sets of features are, whatever their widths, rotations and scales.

Similarity of Neural Network Representations Revisited. Kornblith et al. ICML 2019. arXiv:1905.00414. In minibatches
with an unbiased HSIC: Do Wide and Deep Networks Learn the Same Things? Nguyen et al. ICLR 2021. arXiv:2010.15327

    K = X Xᵀ, L = Y Yᵀ, both with a diagonal of zeros                    X, Y: B samples as rows
    HSIC(K, L) = [ tr(K L) + 1ᵀK1 1ᵀL1 / ((B−1)(B−2)) − 2/(B−2) 1ᵀK L1 ] / ( B (B−3) )
    CKA = Σ HSIC(K, L) / √( Σ HSIC(K, K) · Σ HSIC(L, L) )                Σ: over batches
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

LEAST = 4
"""Samples in a batch: the unbiased HSIC divides by B − 3."""


def gram(features: Float[Tensor, "B ..."]) -> Float[Tensor, "B B"]:
    """K: products of all pairs of samples, everything else of a sample flattened; 0 of a sample with itself.

    The mean of the batch is taken off first: CKA does not see it, and rounding does.
    """
    rows = features.flatten(1).double()
    rows = rows - rows.mean(0)
    return (rows @ rows.T).fill_diagonal_(0)


def hsic(first: Float[Tensor, "B B"], second: Float[Tensor, "B B"]) -> Float[Tensor, ""]:
    """Unbiased estimate of the Hilbert-Schmidt independence criterion (Song et al. JMLR 2012, eq. 5).

    Raises:
        ValueError: fewer than ``LEAST`` samples.
    """
    count = len(first)
    if count < LEAST:
        raise ValueError(f"The unbiased HSIC needs {LEAST} samples or more; it got {count}.")
    trace = (first * second).sum()
    product = first.sum() * second.sum() / ((count - 1) * (count - 2))
    crossed = 2 * (first.sum(0) @ second.sum(1)) / (count - 2)
    return (trace + product - crossed) / (count * (count - 3))


class CKA:
    """CKA of every one of some features with every other, summed over batches."""

    def __init__(self, count: int) -> None:
        self._hsic = torch.zeros(count, count, dtype=torch.float64)

    def add(self, features: Sequence[Float[Tensor, "B ..."]]) -> None:
        """A batch: the same samples as each of the networks' stages sees them."""
        grams = [gram(each) for each in features]
        self._hsic += torch.stack([torch.stack([hsic(a, b) for b in grams]) for a in grams]).cpu()

    def matrix(self) -> Float[Tensor, "M M"]:
        """At most about 1; 0 for features that are the same for every sample. Unbiased, so below 0 by chance."""
        own = self._hsic.diagonal().clamp_min(0).sqrt()
        scale = own[:, None] * own[None, :]
        return torch.where(scale > 0, self._hsic / scale, torch.zeros_like(scale))
