"""ProxylessKD: Direct Knowledge Distillation with Inherited Classifier for Face Recognition. Shi et al. 2020.
arXiv:2011.00265

    L = −(1/N) Σ_i log[ e^{s ψ(θ_i,yi)} / ( e^{s ψ(θ_i,yi)} + Σ_{j≠yi} e^{s cosθ_ij} ) ]
    cosθ_ij = <w*_j, A z_i> / ( ‖w*_j‖ ‖A z_i‖ )        w*: the teacher's class centres; A = 1 where widths agree

The student learns to live in the teacher's space, so its embeddings can be searched in a gallery of the teacher's.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..align.project import bridge
from ..errors import UserError
from ..signature import Choice, build
from ..teachers.classifier import TeacherClassifier
from .contract import AbstractHead
from .margin import MarginHead

Centres = Literal["frozen", "finetune", "teacher_means", "best"]


class Inherited(AbstractHead):
    """The teacher's classifier as the student's.

    Args:
        centres: ``frozen``: the classifier that came with the teacher's weights. ``finetune``: the same, or the means
            where there is none, and trained (usually at a tenth of the rate: ``lr_scale``). ``teacher_means``: the
            normalised class means of the teacher's embeddings, frozen. ``best``: ``frozen`` where that fits, else
            ``teacher_means``. Whether the paper trains them is not known to us; its relatives freeze them.
        margin: ψ and s, any margin softmax; ArcFace as in the paper.
        precision: what centres that are not trained are kept in; ``bf16`` takes half the memory, and turns a centre by
            0.2 degrees at most.

    Raises:
        UserError: ``frozen``, and the teacher's weights brought no classifier for these identities; or centres in bf16
            that are to be trained.
    """

    def __init__(
        self,
        embedding: int,
        classifier: TeacherClassifier,
        *,
        centres: Centres = "frozen",
        margin: Choice | str = "arcface",
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        super().__init__()
        trained = centres == "finetune"
        if trained and precision == "bf16":
            raise UserError("Centres in bf16 would not feel small steps; use precision fp32 with centres: finetune.")
        inherited = _centres(classifier, centres)
        self.adapter = bridge(embedding, inherited.shape[1])
        self.softmax: MarginHead = build(
            "heads", MarginHead, margin, embedding=inherited.shape[1], identities=classifier.identities
        )
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self.softmax.inherit(inherited, "trained" if trained else "frozen", dtype)

    def forward(self, embedding: Float[Tensor, "B D"], labels: Int[Tensor, " B"]) -> Float[Tensor, ""]:
        loss: Tensor = self.softmax(self.adapter(embedding), labels)
        return loss

    def class_centres(self) -> Float[Tensor, "K D"] | None:
        """Centres among this network's embeddings; none behind an adapter, where they belong to its output."""
        return self.softmax.class_centres().float() if isinstance(self.adapter, nn.Identity) else None

    def cosines(self, embedding: Float[Tensor, "B D"]) -> Float[Tensor, "B K"]:
        return self.softmax.cosines(self.adapter(embedding))


def _centres(classifier: TeacherClassifier, centres: Centres) -> Float[Tensor, "K D"]:
    sources = {
        "frozen": classifier.from_head,
        "finetune": classifier.best,
        "teacher_means": classifier.from_means,
        "best": classifier.best,
    }
    return sources[centres]()
