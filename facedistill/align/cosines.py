"""Cosines of embeddings to class centres: what every face classifier is made of."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

# Shorter embeddings are not stretched to length 1: the gradient of a vector of zeros would be infinite.
SHORTEST = 1e-4


def cosines(embedding: Float[Tensor, "B D"], centres: Float[Tensor, "K D"]) -> Float[Tensor, "B K"]:
    """Neither needs to be normalised; float32 whatever the autocast."""
    with torch.autocast(embedding.device.type, enabled=False):
        return F.linear(F.normalize(embedding.float(), eps=SHORTEST), F.normalize(centres.float(), eps=SHORTEST))


def row_cosines(own: Float[Tensor, "B D *grid"], wanted: Float[Tensor, "B D *grid"]) -> Float[Tensor, "B *grid"]:
    """Of every row with the row beside it; of maps, cell by cell."""
    return F.cosine_similarity(own.float(), wanted.float(), dim=1, eps=SHORTEST)
