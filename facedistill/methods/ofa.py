"""OFA-KD, One-for-All: Bridge the Gap Between Heterogeneous Architectures in Knowledge Distillation. Hao et al. NeurIPS
2023. arXiv:2310.19444

    L = −(1/N) Σ_i [ (1 + p_T^y)^γ log p_S^y + Σ_{j≠y} p_T^j log p_S^j ]

p_S: of an exit on a student's stage, and of its embedding; architecture ends where features become logits. All share
one logit space, the cosines to the teacher's class centres, frozen: s cosθ / T. Of very many identities the exits see a
sample, those that the teacher finds most likely in the whole batch, with all that the batch shows. An unlabelled sample
has no y: its loss is the cross entropy −Σ_j p_T^j log p_S^j.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..align.cosines import cosines
from ..align.exits import Exit
from ..align.frame import check_stage
from ..align.logits import SCALE
from ..align.project import bridge
from ..align.relations import everyone
from ..errors import UserError
from ..method import AbstractMethod
from ..teachers.classifier import TeacherClassifier
from ..types import UNLABELLED, Batch, Features, Spec, Terms


class OFAKD(AbstractMethod):
    """Terms ``exits``, the sum over the stages, and ``embedding``.

    Args:
        stages: of the student, from 0, or from -1 backwards; by default all.
        gamma: γ, how far the target is enhanced; the paper tunes it for each pair of networks.
        sampled: how many identities the logits are over; by default all.
        temperature, scale: T and s of the logits.

    Raises:
        UserError: no such stage, or numbers that are not above 0.
    """

    uses = frozenset({"embedding"})
    centres: Tensor

    def __init__(
        self,
        student: Spec,
        classifier: TeacherClassifier,
        *,
        stages: list[int] | None = None,
        gamma: float = 1.0,
        sampled: int | None = None,
        temperature: float = 1.0,
        scale: float = SCALE,
    ) -> None:
        super().__init__()
        chosen = list(range(len(student.stages))) if stages is None else stages
        if not chosen or min(sampled or 1, temperature, scale, gamma) <= 0:
            raise UserError("OFA-KD needs a stage, and gamma, sampled, temperature and scale above 0.")
        self.gamma, self.sharpness = gamma, scale / temperature
        self.register_buffer("centres", classifier.best().float())
        self.sampled = min(sampled or classifier.identities, classifier.identities)
        self.stages = [check_stage(student, stage, "student") for stage in chosen]
        self.exits = nn.ModuleList(Exit(student, stage, self.centres.shape[1]) for stage in self.stages)
        self.projector = bridge(student.embedding, self.centres.shape[1])

    def forward(self, student: Features, teacher: Features, batch: Batch) -> Terms:
        logits_BK = cosines(teacher.embedding.detach(), self.centres) * self.sharpness
        chosen = self._chosen(logits_BK.softmax(1), batch.labels)
        p_T, true = logits_BK[:, chosen].softmax(1), batch.labels[:, None] == chosen
        weight = torch.where(true, (1 + p_T) ** self.gamma, p_T)
        exits = [leave(student.stages[stage]) for leave, stage in zip(self.exits, self.stages, strict=True)]
        losses = [self._loss(each, chosen, weight) for each in (*exits, self.projector(student.embedding))]
        return {"exits": torch.stack(losses[:-1]).sum(), "embedding": losses[-1]}

    def _loss(
        self, own: Float[Tensor, "B D"], chosen: Int[Tensor, " M"], weight: Float[Tensor, "B M"]
    ) -> Float[Tensor, ""]:
        log_p = (self.sharpness * cosines(own, self.centres[chosen])).log_softmax(1)
        return -(weight * log_p).sum(1).mean()

    @torch.no_grad()
    def _chosen(self, p_T: Float[Tensor, "B K"], labels: Int[Tensor, " B"]) -> Int[Tensor, " M"]:
        """Which identities the logits are over, the same in every process."""
        if self.sampled == p_T.shape[1]:
            return torch.arange(self.sampled, device=p_T.device)
        likely_K = everyone(p_T.mean(0)[None]).mean(0)
        shown = everyone(labels)
        # Unlabelled samples lift who is first anyhow; a mean probability is at most 1.
        first = torch.where(shown == UNLABELLED, likely_K.argmax(), shown)
        return likely_K.index_fill(0, first, 2.0).topk(self.sampled).indices
