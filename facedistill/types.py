"""The nouns every part of facedistill speaks, and the letters of their shapes.

    B images in a batch      C channels           D embedding width      K identities
    H, W cells of a grid     N tokens             L local centres        T prompts         P pairs

All images are uint8 RGB crops, B 3 H W, aligned to the five-point ArcFace template.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jaxtyping import Float, Int
from torch import Tensor

Terms = dict[str, Tensor]
"""What a head, a method or a teacher adds to the loss: ``{name: scalar}``, un-weighted."""

UNLABELLED = -1
"""Label of a sample without an identity: it takes part in distillation, never in a margin loss."""

ALONE = "alone"
"""Key in ``Features.extras``."""


@dataclass(frozen=True)
class Stage:
    """One feature map of a network."""

    channels: int
    grid: tuple[int, int]
    """Cells (H, W), measured at ``Spec.size_px`` rather than divided: 112 / 32 is 3 or 4."""


@dataclass(frozen=True)
class Spec:
    """What a network looks like before it has seen an image."""

    embedding: int
    stages: tuple[Stage, ...] = ()
    size_px: int = 112
    """Side of the square input."""


@dataclass(frozen=True)
class Features:
    """What a network saw in a batch."""

    embedding: Float[Tensor, "B D"]
    """Before normalisation."""
    stages: tuple[Float[Tensor, "B _ _ _"], ...] = ()
    """B C H W each, for tokens and maps alike, coarsest last; as many as ``Spec.stages``."""
    extras: Mapping[str, Tensor] = field(default_factory=dict)
    """What only some networks have: ``prompts``, B T C, the prompt outputs of the last block; ``alone``, B D, and
    ``alone_0``, ``alone_1``, ..., B C H W, embedding and stages of a student without its assistant."""


@dataclass(frozen=True)
class Batch:
    """What is known about the samples of a batch."""

    labels: Int[Tensor, " B"]
    """Identity, or ``UNLABELLED``."""
    index: Int[Tensor, " B"]
    """Stable number of the sample in its data set."""
    view: Int[Tensor, " B"]
    """Which of the sample's views the pixels show."""
    progress: Float[Tensor, ""]
    """Share of training done, 0 to 1; a tensor, so that a schedule never recompiles a graph."""
