"""Verification figures of a list of template pairs: the published rule, the strict one beside it, and intervals."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from ..intervals.bootstrap import interval, resamples
from ..intervals.measure import Measure
from ..pairs.roc import supported
from ..settings import Figures, Settings
from .components import joined_groups
from .nearest_far import nearest_points
from .scores import score_pairs
from .weighted_det import ListedPairs, WeightedDet

PUBLISHED_FARS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
DET_FARS = tuple(float(far) for far in np.round(10.0 ** np.arange(-6, -0.95, 0.1), 9))
"""Ten points a decade."""


@dataclass(frozen=True)
class TemplatePairs:
    """Pairs of templates by their numbers, 0 to ``templates`` - 1."""

    first: Int[np.ndarray, " P"]
    second: Int[np.ndarray, " P"]
    same: Bool[np.ndarray, " P"]
    templates: int


def template_pair_figures(unit: Float[np.ndarray, "T D"], pairs: TemplatePairs, settings: Settings) -> Figures:
    """TAR at the published FARs and those asked for, and the whole DET curve, from L2-normalised templates."""
    listed = listed_scores(unit, pairs)
    genuine, impostor = np.sort(listed.genuine), np.sort(listed.impostor)
    fars = sorted({*PUBLISHED_FARS, *settings.fars})
    points = nearest_points(genuine, impostor, [*fars, *DET_FARS])
    low, high = _intervals(listed, [*fars, *DET_FARS], settings)
    return {
        "pairs": {"genuine": len(genuine), "impostor": len(impostor), "groups": listed.people},
        "tar_at_far": {
            f"{point.far_asked:g}": {**asdict(point), "tar_interval": [float(low[number]), float(high[number])]}
            for number, point in enumerate(points[: len(fars)])
        },
        "det": {
            "far": list(DET_FARS),
            "fnmr": [1 - point.strict_tar for point in points[len(fars) :]],
            "fnmr_low": (1 - high[len(fars) :]).tolist(),
            "fnmr_high": (1 - low[len(fars) :]).tolist(),
            "supported": [supported(far, len(impostor)) for far in DET_FARS],
        },
    }


def listed_scores(unit: Float[np.ndarray, "T D"], pairs: TemplatePairs) -> ListedPairs:
    """Scores of the pairs, and the people behind them: templates that genuine pairs join."""
    scores = score_pairs(unit, pairs.first, pairs.second)
    same, other = pairs.same, ~pairs.same
    person = joined_groups(pairs.templates, pairs.first[same], pairs.second[same]).astype(np.int32)
    return ListedPairs(
        scores[same],
        person[pairs.first[same]],
        scores[other],
        person[pairs.first[other]],
        person[pairs.second[other]],
        int(person.max()) + 1,
    )


def template_pair_measure(unit: Float[np.ndarray, "T D"], pairs: TemplatePairs, settings: Settings) -> Measure:
    """Strict TAR at the FARs asked for as a function of how often each person counts."""
    listed = listed_scores(unit, pairs)
    det = WeightedDet(listed, max(settings.fars))
    names = tuple(f"TAR at FAR {far:g}" for far in settings.fars)
    return Measure(names, lambda weights: det.tar(weights[None], settings.fars)[0], listed.people)


def _intervals(
    listed: ListedPairs, fars: Sequence[float], settings: Settings
) -> tuple[Float[np.ndarray, " fars"], Float[np.ndarray, " fars"]]:
    weights = np.stack(list(resamples(listed.people, settings.replicates, settings.seed)))
    return interval(WeightedDet(listed, max(fars)).tar(weights, fars))


_DRAWN_IN_FULL = 200_000
_DRAWN_OF_THE_REST = 400_000
"""Impostor scores that a picture shows: the tail, and evenly of the rest what is smooth to the eye."""


def thinned(
    listed: ListedPairs,
) -> tuple[Float[np.ndarray, " G"], Float[np.ndarray, " S"], Float[np.ndarray, " S"]]:
    """Genuine scores, the highest impostor scores and some of the others, all descending, and how many pairs each
    impostor stands for."""
    impostor = np.sort(listed.impostor)[::-1]
    rest = impostor[_DRAWN_IN_FULL:]
    step = max(1, len(rest) // _DRAWN_OF_THE_REST)
    some = rest[step // 2 :: step]
    shown = np.concatenate([impostor[:_DRAWN_IN_FULL], some])
    stands_for = np.ones(len(shown))
    stands_for[len(shown) - len(some) :] = len(rest) / max(1, len(some))
    return np.sort(listed.genuine)[::-1], shown, stands_for
