"""Two opinions about four identities, for the methods that compare class probabilities."""

import numpy as np
from made_up import arrays, batch, classifier, cosine, seen

from facedistill.types import UNLABELLED

Z, CENTRES, OWN = arrays((5, 6), (4, 6), (5, 4))
OWN = np.tanh(OWN)
"""The student's cosines."""
WANTED = np.array([[cosine(z, w) for w in CENTRES] for z in Z])
"""The teacher's."""
LABELS = [2, UNLABELLED, 0, 3, 0]
LABELLED = [i for i, label in enumerate(LABELS) if label != UNLABELLED]
SCALE = 7.0
HEAD = classifier(CENTRES)


def answers(method, labels=LABELS, own=OWN):
    """The method's terms; it reads nothing of the student but its cosines."""
    terms = method(seen(np.full((5, 3), np.nan), cosines=own), seen(Z), batch(labels))
    return {name: term.item() for name, term in terms.items()}


def probabilities(temperature):
    """Student's and teacher's, row by row."""
    return [[softmax([SCALE * c / temperature for c in row]) for row in rows] for rows in (OWN, WANTED)]


def softmax(logits):
    powers = [np.exp(z - max(logits)) for z in logits]
    return [power / sum(powers) for power in powers]


def kl(p, q):
    return sum(a * np.log(a / b) for a, b in zip(p, q, strict=True))


def others(row, label):
    """Probabilities of the other identities among themselves."""
    return [p / (1 - row[label]) for j, p in enumerate(row) if j != label]
