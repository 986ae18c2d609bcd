"""Drawn IJB-like features by seed, and what the public evaluations make of them."""

from dataclasses import dataclass

import numpy as np

TEMPLATES, SUBJECTS, WIDTH = 300, 60, 32

PUBLISHED = {
    0: {
        "faces": 1200,
        "genuine": 735,
        "norm=kept,detector=yes,flip=yes": (17.0068, 38.7755, 63.1293, 88.1633),
        "norm=removed,detector=yes,flip=yes": (14.4218, 39.8639, 63.9456, 88.4354),
        "norm=removed,detector=no,flip=yes": (16.3265, 40.0, 65.8503, 88.4354),
        "norm=kept,detector=yes,flip=no": (17.0068, 38.2313, 63.5374, 88.0272),
    },
    1: {
        "faces": 1172,
        "genuine": 758,
        "norm=kept,detector=yes,flip=yes": (12.6649, 29.1557, 55.9367, 85.4881),
        "norm=removed,detector=yes,flip=yes": (12.2691, 27.4406, 54.8813, 84.5646),
        "norm=removed,detector=no,flip=yes": (13.4565, 28.496, 55.409, 85.0923),
        "norm=kept,detector=yes,flip=no": (13.9842, 28.1003, 56.2005, 85.6201),
    },
}
"""TAR in percent at FAR 1e-4, 1e-3, 1e-2 and 1e-1."""

FARS = (1e-4, 1e-3, 1e-2, 1e-1)


@dataclass(frozen=True)
class Draw:
    views: np.ndarray
    template: np.ndarray
    media: np.ndarray
    quality: np.ndarray
    first: np.ndarray
    second: np.ndarray
    same: np.ndarray
    subject: np.ndarray


def draw(seed: int) -> Draw:
    """The calls must stay in this order: the published figures belong to these very numbers."""
    chance = np.random.default_rng(seed)
    subject = chance.integers(0, SUBJECTS, TEMPLATES)
    centres = chance.standard_normal((SUBJECTS, WIDTH))
    faces, medium = [], 0
    for template in range(TEMPLATES):
        for _ in range(chance.integers(1, 4)):
            faces += [(template, medium)] * int(chance.integers(1, 4))
            medium += 1
    template, media = np.array(faces).T
    image = centres[subject[template]] + 2.0 * chance.standard_normal((len(faces), WIDTH))
    mirror = image + 0.3 * chance.standard_normal((len(faces), WIDTH))
    quality = chance.uniform(0.5, 1, len(faces)).astype(np.float32)
    first, second = np.triu_indices(TEMPLATES, 1)
    same = subject[first] == subject[second]
    return Draw(np.stack([image, mirror]), template, media, quality, first, second, same, subject)
