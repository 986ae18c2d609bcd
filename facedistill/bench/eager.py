"""The same work as published repositories write it: decode with PIL, float32 batches, NCHW, a teacher that is asked.

What these lines stand for is measured, so they are written as such code is, without being made slow.
"""

import io
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor, nn

from ..backbones.contract import AbstractBackbone
from ..backbones.prelu import PReLU
from ..data.contract import AbstractFaces

LR, MOMENTUM, DECAY = 0.1, 0.9, 5e-4


def plain(network: AbstractBackbone) -> AbstractBackbone:
    """The network with the framework's own PReLU, in its own memory format."""
    for parent in list(network.modules()):
        for name, part in parent.named_children():
            if isinstance(part, PReLU):
                parent.add_module(name, nn.PReLU(part.num_parameters))
    return network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]


def load(faces: AbstractFaces, indices: Sequence[int], chance: np.random.Generator) -> Float[Tensor, "B 3 H W"]:
    """A batch as a data set of PIL images, flip, ``ToTensor``, ``Normalize`` and the default collation make it."""
    return torch.stack([sample(faces.encoded(index) or b"", chance) for index in indices])


def sample(file: bytes, chance: np.random.Generator) -> Float[Tensor, "3 H W"]:
    """One image file as such a data set gives it."""
    image = Image.open(io.BytesIO(file)).convert("RGB")
    if chance.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
    return pixels.sub(0.5).div(0.5)


class CosFace(nn.Module):
    """A margin softmax in the usual dozen lines."""

    def __init__(self, embedding: int, identities: int, scale: float = 64.0, margin: float = 0.35) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(identities, embedding).normal_(std=0.01))
        self.scale, self.margin = scale, margin

    def logits(self, embedding: Float[Tensor, "B D"], labels: Int[Tensor, " B"]) -> Float[Tensor, "B K"]:
        cosine = F.linear(F.normalize(embedding), F.normalize(self.weight)).clamp(-1, 1)
        one_hot = torch.zeros_like(cosine).scatter_(1, labels[:, None], 1.0)
        return self.scale * (cosine - one_hot * self.margin)

    def forward(self, embedding: Float[Tensor, "B D"], labels: Int[Tensor, " B"]) -> Float[Tensor, ""]:
        return F.cross_entropy(self.logits(embedding, labels), labels)


class Loop:
    """Student, classifier and a live teacher; one call of ``step`` is one update."""

    def __init__(self, student: AbstractBackbone, teacher: AbstractBackbone | None, identities: int) -> None:
        self.student, self.teacher = plain(student).train(), None if teacher is None else plain(teacher).eval()
        self.head = CosFace(student.spec.embedding, identities)
        trained = [*self.student.parameters(), *self.head.parameters()]
        self.optimiser = torch.optim.SGD(trained, lr=LR, momentum=MOMENTUM, weight_decay=DECAY)

    def step(self, pixels: Float[Tensor, "B 3 S S"], labels: Int[Tensor, " B"]) -> float:
        embedding = self.student.features(pixels).embedding
        loss = self.head(embedding, labels)
        if self.teacher is not None:
            with torch.no_grad():
                wanted = self.teacher.features(pixels).embedding
            loss = loss + (1 - F.cosine_similarity(embedding, wanted)).mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return float(loss.detach())
