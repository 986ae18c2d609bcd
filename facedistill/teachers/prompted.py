"""APT, adaptable prompting of the teacher: a frozen Transformer with trained prompts.

Cross Architecture Distillation for Face Recognition. Zhao et al. ACM MM 2023. arXiv:2306.14662. Prompts enter the
blocks as in visual prompt tuning, Jia et al. ECCV 2022, arXiv:2203.12119 (deep: new prompts for every block).

    [ x̂_{i+1}, p̂_{i+1} ] = B_i( [ x_i, p_i ] )          p_i: T C, trained;  B_i: frozen

What keeps the prompted teacher discriminative is not known to us from the paper. Here it is CosFace over the frozen
class centres w_j of the unprompted teacher:

    L_discrimination = −mean_i log[ e^{s (cosθ_i,yi − m)} / ( e^{s (cosθ_i,yi − m)} + Σ_{j≠yi} e^{s cosθ_ij} ) ]
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from ..align.labelled import labelled_count
from ..backbones.contract import AbstractBackbone, AbstractPromptable, PromptSlot
from ..backbones.load import load_backbone, weights_file
from ..catalogue import catalogue
from ..errors import UserError
from ..types import UNLABELLED, Batch, Features, Spec, Terms
from .classifier import TeacherClassifier
from .contract import AbstractTeacher
from .frozen import Frozen, head_beside


class Prompted(AbstractTeacher):
    """A frozen trunk whose blocks take trained prompts. The prompts are all its parameters and all its state.

    Args:
        weights: a safetensors file or a run folder.
        backbone: the trunk's choice, where the file does not say.
        depth: which blocks get prompts: the first of all, the first of each stage (CAKD's formula), or every one.
        count: prompts per block, T. CAKD's number is not known to us; VPT sweeps 1 to 200.
        margin, scale: m and s of the discrimination term; those of CosFace.
        precision: what the trunk computes in; prompts and answers are float32.

    Raises:
        UserError: weights that are missing or do not fit, or a backbone that takes no prompts.
    """

    centres: Tensor | None
    """Frozen class centres, unit rows K D, once they have been asked for."""

    def __init__(
        self,
        *,
        weights: str | Path,
        backbone: dict[str, Any] | str | None = None,
        depth: Literal["shallow", "stage", "block"] = "block",
        count: int = 8,
        margin: float = 0.35,
        scale: float = 64.0,
        precision: Literal["fp32", "bf16"] = "fp32",
    ) -> None:
        super().__init__()
        if count < 1:
            raise UserError(
                f"A prompted teacher needs a count of 1 or more, not {count}; teacher 'live' has no prompts."
            )
        self._weights = weights_file(weights)
        trunk = _promptable(load_backbone(self._weights, backbone), self._weights)
        self.trunk = Frozen(trunk)
        self.spec = trunk.spec
        self.margin, self.scale, self.precision = margin, scale, precision
        slots = trunk.prompt_slots
        chosen = _chosen(slots)[depth]
        self.prompts = nn.ParameterDict({str(i): _initial(count, slots[i].channels, self.spec) for i in chosen})
        # Prompts that enter the last stage come out of it; those of earlier stages end where it begins.
        self._shown = slots[chosen[-1]].stage == slots[-1].stage
        self.register_buffer("centres", None, persistent=False)

    @property
    def provides(self) -> frozenset[str]:
        return frozenset({"embedding", "stages", "prompts"} if self._shown else {"embedding", "stages"})

    def forward(self, images: UInt8[Tensor, "B 3 H W"], batch: Batch) -> Features:
        """The prompted trunk's features in float32, with gradients to the prompts."""
        trunk = self.trunk.awake()
        prompts = {int(slot): prompt for slot, prompt in self.prompts.items()}
        with self._computing(images):
            seen = trunk.features(trunk.preprocess(images), prompts)
        extras = {name: value.float() for name, value in seen.extras.items()}
        return Features(seen.embedding.float(), tuple(stage.float() for stage in seen.stages), extras)

    @torch.no_grad()
    def reference(self, images: UInt8[Tensor, "B 3 H W"]) -> Float[Tensor, "B D"]:
        """Embeddings of the trunk without prompts."""
        with self._computing(images):
            seen: Features = self.trunk.awake()(images)
        return seen.embedding.float()

    @property
    def files(self) -> tuple[Path, ...]:
        return (self._weights,)

    @property
    def network(self) -> AbstractBackbone:
        return self.trunk.network

    def head_centres(self) -> Tensor | None:
        return head_beside(self._weights)

    def _computing(self, images: Tensor) -> torch.autocast:
        return torch.autocast(images.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    def terms(self, features: Features, batch: Batch, classifier: TeacherClassifier) -> Terms:
        """``discrimination``: the prompted embeddings still find their identities."""
        if self.centres is None:
            self.centres = classifier.best().to(features.embedding)
        return {"discrimination": _cosface(features.embedding, batch.labels, self.centres, self.margin, self.scale)}


def _promptable(network: AbstractBackbone, weights: Path) -> AbstractPromptable:
    if not isinstance(network, AbstractPromptable):
        able = ", ".join(catalogue("backbones", AbstractPromptable))
        raise UserError(f"The network in {weights} takes no prompts; use teacher 'live', or one of: {able}.")
    return network


def _chosen(slots: Sequence[PromptSlot]) -> dict[str, list[int]]:
    """Numbers of the slots that get prompts, by depth."""
    first_of_stage = {slot.stage: i for i, slot in reversed(list(enumerate(slots)))}
    return {"shallow": [0], "stage": sorted(first_of_stage.values()), "block": list(range(len(slots)))}


def _initial(count: int, channels: int, spec: Spec) -> nn.Parameter:
    """U(−v, v), v = sqrt(6 / (3·patch² + C)): VPT's, Glorot's for the patch embedding."""
    patch_px = spec.size_px // spec.stages[0].grid[0]
    bound = math.sqrt(6 / (3 * patch_px**2 + channels))
    return nn.Parameter(torch.empty(count, channels).uniform_(-bound, bound))


def _cosface(
    embedding: Float[Tensor, "B D"],
    labels: Int[Tensor, " B"],
    centres: Float[Tensor, "K D"],
    margin: float,
    scale: float,
) -> Float[Tensor, ""]:
    """Mean over the labelled samples of the whole batch, 0 where there is none; in float32 under any autocast."""
    with torch.autocast(embedding.device.type, enabled=False):
        cos_BK = F.normalize(embedding.float()) @ centres.float().T
        own_B1 = labels.clamp_min(0)[:, None]
        logits_BK = scale * cos_BK.scatter_add(1, own_B1, torch.full_like(cos_BK[:, :1], -margin))
        total = F.cross_entropy(logits_BK, labels, ignore_index=UNLABELLED, reduction="sum")
        return total / labelled_count(labels)
