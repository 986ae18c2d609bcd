"""Two networks' features as the same L local features, with the relations among them (CAKD's unified receptive-field
mapping, Zhao et al. ACM MM 2023, arXiv:2306.14662).
"""

from typing import Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from ..types import Spec
from .centres import LocalCentres, SelfAttention, Tokens


class Local(NamedTuple):
    """What the local centres saw of a batch."""

    h: Float[Tensor, "B L d"]
    maps: Float[Tensor, "B heads L L"]
    """Attention among the L local features."""
    context: Float[Tensor, "B L d"]
    """softmax(QK^T/√d)V, before the last projection."""
    out: Float[Tensor, "B L d"]
    """MSA(h)."""


class UnifiedMapping(nn.Module):
    """Tokens of either network to local features, by centres and a self-attention that both share."""

    def __init__(
        self, student: tuple[Spec, int], teacher: tuple[Spec, int], centres: LocalCentres, attention: SelfAttention
    ) -> None:
        super().__init__()
        width = attention.out.out_features
        self.student, self.teacher = Tokens(*student, width), Tokens(*teacher, width)
        self.centres, self.attention = centres, attention

    def observe(self, teacher: Float[Tensor, "B C H W"]) -> None:
        """Show the positional code a training batch of the teacher's features."""
        if self.centres.position is not None:
            self.centres.position.observe(teacher)

    def forward(
        self,
        whose: Literal["student", "teacher"],
        stage: Float[Tensor, "B C H W"],
        prompts: Float[Tensor, "B T C"] | None = None,
    ) -> Local:
        network = self.student if whose == "student" else self.teacher
        h = self.centres(network, network(stage, prompts))
        return Local(h, *self.attention(h))

    def held(
        self, local: Local, stage: Float[Tensor, "B C H W"], prompts: Float[Tensor, "B T C"] | None = None
    ) -> Local:
        """``local``, the teacher's, as if every parameter here were constant: gradients reach only its features, and
        through them its prompts; where those learn nothing, nobody."""
        if not (stage.requires_grad or (prompts is not None and prompts.requires_grad)):
            return Local(*(part.detach() for part in local))
        values = {name: parameter.detach() for name, parameter in self.named_parameters()}
        same: Local = functional_call(self, values, ("teacher", stage, prompts))
        return same
