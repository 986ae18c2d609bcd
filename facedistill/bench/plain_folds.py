"""Ten-fold verification as the published text tells it, threshold after threshold on fold after fold; drawn numbers."""

import numpy as np
from jaxtyping import Float

from ..data.pairs import Pairs
from ..evaluate.embeddings.embed import Embeddings

FAR = 1e-3


def drawn(pairs: int, width: int) -> tuple[Embeddings, Pairs]:
    """Seeded embeddings, their normalised sum computed, and pairs of which every other block is genuine."""
    generator = np.random.default_rng(0)
    same = np.tile(np.repeat([True, False], pairs // 20), 10)
    first, second = generator.standard_normal((2, pairs, width))
    second[same] = first[same] + 1.6 * second[same]
    faces = np.stack([first, second], 1).reshape(2 * pairs, width)
    mirrored = faces + 0.3 * generator.standard_normal(faces.shape)
    seen = Embeddings.of(np.stack([faces, mirrored]).astype(np.float32))
    assert seen.unit.shape == faces.shape
    numbers = np.arange(2 * pairs)
    return seen, Pairs(numbers[::2], numbers[1::2], same)


def accuracy_and_tar(seen: Embeddings, pairs: Pairs) -> list[float]:
    """Accuracy, spread, XNorm and TAR at FAR, threshold by threshold."""
    distances = np.sum(np.square(seen.unit[pairs.first] - seen.unit[pairs.second]), axis=1)
    folds = np.array_split(np.arange(len(pairs)), 10)
    accuracies, tars = [], []
    for test in folds:
        train = np.setdiff1d(np.arange(len(pairs)), test)
        rates = [np.mean((distances[train] < t) == pairs.same[train]) for t in np.arange(0, 4, 0.01)]
        best = np.arange(0, 4, 0.01)[int(np.argmax(rates))]
        accuracies.append(np.mean((distances[test] < best) == pairs.same[test]))
        tars.append(_tar(distances, pairs.same, train, test))
    xnorm = np.mean([np.linalg.norm(row.astype(np.float64)) for view in seen.views for row in view])
    return [float(np.mean(accuracies)), float(np.std(accuracies)), float(xnorm), float(np.mean(tars))]


def _tar(distances: Float[np.ndarray, " P"], same: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    thresholds = np.arange(0, 4, 0.001)
    impostors = distances[train][~same[train]]
    fars = np.array([np.mean(impostors < threshold) for threshold in thresholds])
    threshold = 0.0
    if fars.max() >= FAR:
        upper = int(np.argmax(fars >= FAR))
        share = (FAR - fars[upper - 1]) / (fars[upper] - fars[upper - 1])
        threshold = thresholds[upper - 1] + share * (thresholds[upper] - thresholds[upper - 1])
    return float(np.mean(distances[test][same[test]] < threshold))
