"""Faces in, embeddings out: the raw sum over the image and its mirror image, before any normalisation.

    e = f(x) + f(mirror x), summed in float64; scores are taken after L2-normalising e, and a zero vector stays zero

The mirror is horizontal and of the decoded pixels. Nothing runs under autocast, and a last batch is simply shorter.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ...backbones.contract import AbstractBackbone
from ...data.contract import AbstractFaces, UnreadableImage
from ...errors import UserError

Embedder = Callable[[Tensor], Tensor]
"""uint8 images B 3 H W to embeddings B D."""

BATCH_CPU, BATCH_GPU = 32, 128
"""Images at once: on a CPU, as many as leave a small network's maps in its cache."""

Report = Callable[[int, int], None]
"""Told how many images are done, and of how many."""


@dataclass(frozen=True)
class Embeddings:
    """What a network says of a set of faces."""

    views: Float[np.ndarray, "V N D"]
    """The network's raw answers to the image and, where it was asked, to its mirror image."""
    norms: Float[np.ndarray, " N"]
    """L2 norm of the network's raw answer, mean over the image and its mirror image."""

    @classmethod
    def of(cls, views: Float[np.ndarray, "V N D"]) -> "Embeddings":
        norms = [np.linalg.norm(views[:, part].astype(np.float64), axis=2).mean(axis=0) for part in _blocks(views)]
        return cls(views, np.concatenate(norms) if norms else np.empty(0))

    @property
    def vectors(self) -> Float[np.ndarray, "N D"]:
        """Sum over the views in float64, not normalised."""
        return self.views.sum(axis=0, dtype=np.float64)

    @property
    def without_mirror(self) -> "Embeddings":
        """What the same network says of the images alone."""
        return Embeddings.of(self.views[:1])

    @cached_property
    def unit(self) -> Float[np.ndarray, "N D"]:
        unit = np.empty(self.views.shape[1:])
        for part in _blocks(self.views):
            summed = self.views[:, part].sum(axis=0, dtype=np.float64)
            lengths = np.linalg.norm(summed, axis=1, keepdims=True)
            np.divide(summed, np.where(lengths > 0, lengths, 1), out=unit[part])
        return unit

    @property
    def xnorm(self) -> float:
        """Mean norm of the raw answers, as insightface prints it."""
        return float(self.norms.mean())


_BLOCK = 256
"""Faces whose float64 sums fit into a core's cache."""


def _blocks(views: Float[np.ndarray, "V N D"]) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, views.shape[1], _BLOCK))


def embed(
    network: AbstractBackbone | Embedder,
    faces: AbstractFaces,
    *,
    flip: bool = True,
    batch: int | None = None,
    device: torch.device | None = None,
    report: Report | None = None,
) -> Embeddings:
    """Embeds every face, in order.

    Args:
        network: put into evaluation mode meanwhile; it stays where it is.
        flip: whether the mirror image is added.
        batch: images at once; what the device is fast with where None.
        device: where the images go; without it where the network's weights are, or the CPU for a function.

    Raises:
        UserError: an image that cannot be read or differs in size, or an answer that is not finite.
    """
    answers = []
    with torch.inference_mode(), evaluating(network, device) as (embedder, where):
        size = batch or (BATCH_CPU if where.type == "cpu" else BATCH_GPU)
        for start in range(0, len(faces), size):
            numbers = range(start, min(start + size, len(faces)))
            answers.append(_answers(embedder, read_batch(faces, numbers).to(where), flip))
            _check_finite(answers[-1], faces, start)
            if report:
                report(numbers.stop, len(faces))
    return Embeddings.of(np.concatenate(answers, axis=1))


@contextmanager
def evaluating(
    network: AbstractBackbone | Embedder, device: torch.device | None = None
) -> Iterator[tuple[Embedder, torch.device]]:
    """The network as an embedder and the device of its images, in evaluation mode and out of autocast meanwhile."""
    if not isinstance(network, AbstractBackbone):
        yield network, device or torch.device("cpu")
        return
    where = device or next((weight.device for weight in network.parameters()), torch.device("cpu"))
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.autocast(where.type, enabled=False):
            yield lambda images: network(images.contiguous(memory_format=torch.channels_last)).embedding, where
    finally:
        for module, training in modes.items():
            module.training = training


def read_batch(faces: AbstractFaces, numbers: range) -> UInt8[Tensor, "B 3 H W"]:
    """Pixels of some faces.

    Raises:
        UserError: an image that cannot be read or differs in size; a figure over the others would not be the figure.
    """
    try:
        images = [faces.image(number) for number in numbers]
    except UnreadableImage as error:
        raise UserError(f"Evaluation needs every image, and one cannot be read: {error}.") from None
    for number, image in zip(numbers, images, strict=True):
        if image.shape != images[0].shape:
            raise UserError(
                f"{faces.name(number)} is {image.shape[1]} x {image.shape[0]} pixels, {faces.name(numbers.start)} "
                f"{images[0].shape[1]} x {images[0].shape[0]}; align all faces to one size first."
            )
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def _answers(embedder: Embedder, images: UInt8[Tensor, "B 3 H W"], flip: bool) -> Float[np.ndarray, "views B D"]:
    views = [images, images.flip(-1)] if flip else [images]
    return np.stack([embedder(view).float().cpu().numpy() for view in views])


def _check_finite(answers: Float[np.ndarray, "views B D"], faces: AbstractFaces, start: int) -> None:
    finite = np.isfinite(answers).all(axis=(0, 2))
    if not finite.all():
        name = faces.name(start + int(finite.argmin()))
        raise UserError(f"The network's embedding of {name} is not finite; its weights or its precision are broken.")
