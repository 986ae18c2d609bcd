"""Features, batches and a teacher's classifier for the tests of methods, from plain arrays."""

import numpy as np
import torch

from facedistill.teachers.classifier import TeacherClassifier
from facedistill.types import UNLABELLED, Batch, Features


def arrays(*shapes, seed=0):
    """Normal numbers, reproducible."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def tensor(values):
    return torch.tensor(np.asarray(values), dtype=torch.float32)


def seen(embedding, *stages, **extras):
    """What a network saw."""
    maps = tuple(tensor(stage) for stage in stages)
    return Features(tensor(embedding), maps, {name: tensor(value) for name, value in extras.items()})


def batch(labels):
    """Of these labels, or of as many unlabelled samples."""
    labels = [UNLABELLED] * labels if isinstance(labels, int) else labels
    count = torch.arange(len(labels))
    return Batch(torch.tensor(labels), count, torch.zeros_like(count), torch.tensor(0.5))


def classifier(centres):
    """The teacher's head."""
    return TeacherClassifier(len(centres), tensor(centres), lambda: tensor(centres))


def cosine(a, b):
    """Of two vectors, by the definition."""
    return sum(x * y for x, y in zip(a, b, strict=True)) / (np.sqrt(sum(a * a)) * np.sqrt(sum(b * b)))
