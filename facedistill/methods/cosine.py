"""Embedding distillation by direction, the usual baseline: ShrinkTeaNet without its square. Duong et al. 2019.
arXiv:1905.10620

    L = (1/N) Σ_i ( 1 − cos( P z_S,i , sg z_T,i ) )        P: linear, only where the widths differ

Beside ``urfm`` and a ``prompted`` teacher this is CAKD's optional embedding term; its prompts are not moved by it.
"""

from ..align.cosines import row_cosines
from ..align.project import bridge
from ..method import AbstractMethod
from ..types import Batch, Features, Spec, Terms


class Cosine(AbstractMethod):
    """Term ``embedding``: every embedding of the student turns towards the teacher's, labelled or not."""

    uses = frozenset({"embedding"})

    def __init__(self, student: Spec, teacher: Spec) -> None:
        super().__init__()
        self.projector = bridge(student.embedding, teacher.embedding)

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        cosine = row_cosines(self.projector(student.embedding), teacher.embedding.detach())
        return {"embedding": (1 - cosine).mean()}
