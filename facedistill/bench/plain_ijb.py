"""IJB-C's pairs in drawn numbers, and their scores and ROC as the published algorithm has them."""

import numpy as np
from jaxtyping import Bool, Float, Int

from ..evaluate.embeddings.unit import unit_rows
from ..evaluate.templates.figures import TemplatePairs

GALLERY, PROBES, WIDTH = 3_531, 19_593, 512
PAIRS, GENUINE = 15_658_489, 19_557
FARS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


def draw_templates() -> tuple[Float[np.ndarray, "T D"], Int[np.ndarray, " T"]]:
    """A gallery template for every subject, then probes of some quality each; and who is who."""
    chance = np.random.default_rng(0)
    subject = np.concatenate([np.arange(GALLERY), chance.integers(0, GALLERY, PROBES)])
    noise = chance.uniform(1, 4, (len(subject), 1))
    drawn = chance.standard_normal((GALLERY, WIDTH))[subject]
    drawn += noise * chance.standard_normal(drawn.shape)
    return unit_rows(drawn), subject


def draw_pairs(subject: Int[np.ndarray, " T"]) -> TemplatePairs:
    """As IJB-C lists them: gallery templates in their order, each against some of the probes."""
    chance = np.random.default_rng(1)
    wanted = (PAIRS - GENUINE) / (GALLERY * PROBES) * 1.001
    rows, same = [], []
    for person in range(GALLERY):
        own = subject[GALLERY:] == person
        chosen = np.flatnonzero(((chance.random(PROBES) < wanted) & ~own) | (own & (np.arange(PROBES) < GENUINE)))
        rows.append(np.stack([np.full(len(chosen), person), chosen + GALLERY]).astype(np.int32))
        same.append(own[chosen])
    (first, second), alike = np.concatenate(rows, axis=1), np.concatenate(same)
    surplus = chance.choice(np.flatnonzero(~alike), len(alike) - PAIRS, replace=False)
    kept = np.ones(len(alike), dtype=bool)
    kept[surplus] = False
    return TemplatePairs(first[kept], second[kept], alike[kept], len(subject))


def plain_scores(unit: Float[np.ndarray, "T D"], pairs: TemplatePairs) -> Float[np.ndarray, " P"]:
    scores = np.zeros(len(pairs.same))
    for start in range(0, len(scores), 100_000):
        part = slice(start, start + 100_000)
        scores[part] = np.sum(unit[pairs.first[part]] * unit[pairs.second[part]], axis=1)
    return scores


def plain_tar(scores: Float[np.ndarray, " P"], same: Bool[np.ndarray, " P"]) -> dict[str, float]:
    order = np.argsort(scores, kind="mergesort")[::-1]
    scores, same = scores[order], same[order]
    at = np.r_[np.where(np.diff(scores))[0], len(scores) - 1]
    right = np.cumsum(same)[at]
    wrong = 1 + at - right
    kept = np.where(np.r_[True, np.logical_or(np.diff(wrong, 2), np.diff(right, 2)), True])[0]
    fpr = np.r_[0, wrong[kept]][::-1] / wrong[-1]
    tpr = np.r_[0, right[kept]][::-1] / right[-1]
    return {f"{far:g}": float(tpr[np.argmin(np.abs(fpr - far))]) for far in FARS}
