"""Which faces make up the batches of an epoch: a function of the seed and the epoch alone."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Int

from ..errors import UserError
from ..types import UNLABELLED
from .chance import Purpose, chance

Labels = Int[np.ndarray, " N"]
Rows = Int[np.ndarray, "M B"]
"""Numbers of the faces, a row for every batch of all processes."""


class AbstractOrder(ABC):
    """A way to fill batches."""

    @abstractmethod
    def check(self, labels: Labels, batch: int) -> None:
        """Refuse faces that cannot fill a batch so.

        Raises:
            UserError: says why.
        """

    @abstractmethod
    def epoch(self, labels: Labels, batch: int, *, seed: int, number: int) -> Rows:
        """The batches of epoch ``number``, as many as hold every face at most once."""


class Shuffled(AbstractOrder):
    """Every face once, all in one shuffle; what fills no batch waits for another epoch."""

    def check(self, labels: Labels, batch: int) -> None:
        if len(labels) < batch:
            raise UserError(f"{len(labels)} faces do not fill one batch of {batch}; lower the batch.")

    def epoch(self, labels: Labels, batch: int, *, seed: int, number: int) -> Rows:
        order = chance(Purpose.ORDER, seed, 0, number).permutation(len(labels))
        count = len(labels) // batch
        return order[: count * batch].reshape(count, batch)


class Balanced(AbstractOrder):
    """Several faces of every person in a batch, every person as often as any other, no face twice in a batch.

    Relations within a person need it: CCKD and TripletDistillation draw whole batches so, EKD half of them. People
    with fewer faces give what they have; the last person of a batch may have to share.

    Args:
        per_identity: faces of a person in a batch, EKD's 4.
        share: of the batch that is drawn so; the rest is shuffled, unlabelled faces among them.

    Raises:
        UserError: fewer than 2 faces a person, or a share that is not above 0 and at most 1.
    """

    def __init__(self, *, per_identity: int = 4, share: float = 1.0) -> None:
        if per_identity < 2 or not 0 < share <= 1:
            raise UserError(
                f"A balanced sampler needs per_identity of 2 or more and a share above 0 and up to 1; it got "
                f"{per_identity} and {share:g}."
            )
        self._each, self._share = per_identity, share

    def check(self, labels: Labels, batch: int) -> None:
        labelled = int((labels != UNLABELLED).sum())
        if labelled < batch:
            raise UserError(f"{labelled} labelled faces do not fill one balanced batch of {batch}; lower the batch.")
        if labelled < len(labels) and self._plain(batch) == 0:
            raise UserError(
                "A balanced sampler would never show the unlabelled faces; lower its 'share', as in "
                "data.sampler.balanced.share=0.5."
            )

    def epoch(self, labels: Labels, batch: int, *, seed: int, number: int) -> Rows:
        count, plain = len(labels) // batch, self._plain(batch)
        turns = _Turns(labels, chance(Purpose.BALANCE, seed, 0, number))
        shuffled = chance(Purpose.ORDER, seed, 0, number).permutation(len(labels))[: count * plain]
        return np.array([turns.fill(faces.tolist(), batch, self._each) for faces in shuffled.reshape(count, plain)])

    def _plain(self, batch: int) -> int:
        """How many of a batch are shuffled."""
        return batch - round(self._share * batch)


class _Turns:
    """People by turns, and the faces of each by turns."""

    def __init__(self, labels: Labels, random: np.random.Generator) -> None:
        shuffled = random.permutation(np.flatnonzero(labels != UNLABELLED))
        order = shuffled[np.argsort(labels[shuffled], kind="stable")]
        ends = np.flatnonzero(np.diff(labels[order])) + 1
        self._faces = [faces.tolist() for faces in np.split(order, ends)]
        self._shown = [0] * len(self._faces)
        self._people = _forever(len(self._faces), random)

    def fill(self, faces: list[int], batch: int, each: int) -> list[int]:
        """``faces`` with further ones behind them, ``each`` of a person, until there are ``batch``."""
        chosen = dict.fromkeys(faces)
        while len(chosen) < batch:
            new = [face for face in self._next(each) if face not in chosen]
            chosen |= dict.fromkeys(new[: batch - len(chosen)])
        return list(chosen)

    def _next(self, each: int) -> list[int]:
        person = next(self._people)
        faces, start = self._faces[person], self._shown[person]
        self._shown[person] = start + each
        return [faces[place % len(faces)] for place in range(start, start + min(each, len(faces)))]


def _forever(count: int, random: np.random.Generator) -> Iterator[int]:
    while True:
        yield from random.permutation(count).tolist()


SAMPLERS: Mapping[str, Callable[..., Any]] = {"shuffled": Shuffled, "balanced": Balanced}
"""What ``data.sampler`` may name."""
