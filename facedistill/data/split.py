"""Held-out identities: people a network is judged on and never trained on."""

from ..errors import UserError
from .chance import Purpose, chance
from .contract import AbstractFaces
from .subset import People


def split_identities(faces: AbstractFaces, held_out: int, seed: int) -> tuple[AbstractFaces, AbstractFaces]:
    """Training and validation faces with no identity in common; faces without a label go to training.

    The choice depends on the seed and the identities' sorted names alone. Both parts number their identities densely.

    Raises:
        UserError: no identity would be left for one of the parts.
    """
    count = len(faces.identities)
    if not 0 < held_out < count:
        raise UserError(f"Cannot hold out {held_out} of {count} identities; give a number from 1 to {count - 1}.")
    by_name = sorted(range(count), key=lambda label: faces.identities[label])
    chosen = chance(Purpose.SPLIT, seed).permutation(count)[:held_out]
    held = {by_name[place] for place in chosen}
    train = People(faces, [label for label in range(count) if label not in held], unlabelled=True)
    return train, People(faces, sorted(held))
