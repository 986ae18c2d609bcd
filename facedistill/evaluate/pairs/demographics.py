"""How evenly errors fall on groups of people at one threshold for all.

The threshold is the one whose FMR over all impostor pairs of the set is at most the one wanted. At it, for every group,

    FMR = impostor pairs of the group that are accepted,  FNMR = genuine pairs of the group that are rejected

where a pair is of a group iff both its images are. Beside them stands the highest over the lowest of each (as NIST's
reports on demographics give them). In a bootstrap the threshold is chosen again for every draw of identities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ...data.pairs import Pairs
from ..intervals.bootstrap import ENDS_PERCENT, Statistic, bootstrap, interval
from ..settings import Figures, Settings
from .likeness import likeness
from .roc import supported, tar_at_far, weighted_thresholds
from .scores import AbstractScores, score_all, score_listed

ERRORS = ("fmr", "fnmr")


@dataclass(frozen=True)
class Group:
    """The pairs of one group, and which of the whole set's identities theirs are."""

    name: str
    scores: AbstractScores
    people: Int[np.ndarray, " K"]


def group_figures(whole: AbstractScores, groups: Sequence[Group], settings: Settings) -> Figures:
    """FMR and FNMR of every group at every FMR wanted over all, with their ratios and intervals."""
    statistic = group_statistic(whole, groups, settings.fars)
    shape = (len(settings.fars), len(groups), len(ERRORS))
    seen = statistic(np.ones(whole.identities)).reshape(shape)
    drawn = bootstrap(statistic, whole.identities, replicates=settings.replicates, seed=settings.seed)
    ends = np.stack(interval(drawn), axis=-1).reshape(*shape, 2)
    drawn = drawn.reshape(-1, *shape)
    return {
        f"{point.far_asked:g}": {
            "threshold": point.threshold,
            "groups": {group.name: _of_group(group, seen[at, g], ends[at, g], point.far_asked)
                       for g, group in enumerate(groups)},
            "ratios": _ratios(seen[at], drawn[:, at]),
        }
        for at, point in enumerate(tar_at_far(whole, settings.fars))
    }  # fmt: skip


def group_statistic(whole: AbstractScores, groups: Sequence[Group], fars: Sequence[float]) -> Statistic:
    """FMR and FNMR by FMR wanted and group, flattened; NaN for a group none of whose pairs weighs anything."""

    def errors(weights: Float[np.ndarray, " K"]) -> Float[np.ndarray, " M"]:
        thresholds = weighted_thresholds(whole, fars, weights)
        of_groups = [_errors(group.scores, thresholds, weights[group.people]) for group in groups]
        return np.stack(of_groups, axis=1).ravel()

    return errors


def _errors(
    scores: AbstractScores, thresholds: Float[np.ndarray, " fars"], weights: Float[np.ndarray, " K"]
) -> Float[np.ndarray, "fars 2"]:
    impostor, genuine = scores.impostor_weights(weights), scores.genuine_weights(weights)
    matched = [impostor[: _above(scores.impostor, threshold)].sum() for threshold in thresholds]
    missed = [genuine[_above(scores.genuine, threshold) :].sum() for threshold in thresholds]
    totals = np.array([scores.impostor_total(weights), genuine.sum()])
    return np.stack([matched, missed], axis=1) / np.where(totals > 0, totals, np.nan)


def _above(descending: Float[np.ndarray, " S"], threshold: float) -> int:
    return int(np.searchsorted(-descending, -threshold, side="left"))


def _of_group(group: Group, seen: Float[np.ndarray, " 2"], ends: Float[np.ndarray, "2 2"], far: float) -> Figures:
    pairs = group.scores.impostor_pairs
    figures: Figures = {"genuine": len(group.scores.genuine), "impostor": pairs}
    for error, value, (low, high) in zip(ERRORS, seen, ends, strict=True):
        figures |= {error: _number(value), f"{error}_interval": [_number(low), _number(high)]}
    return figures | {"supported": supported(far, pairs)}


def _ratios(seen: Float[np.ndarray, "G 2"], drawn: Float[np.ndarray, "R G 2"]) -> Figures:
    """Highest over lowest; None where the lowest is 0."""
    ends = [_ends(column) for column in _highest_over_lowest(drawn).T]
    return {
        error: {"highest_over_lowest": _number(value), "interval": [_number(low), _number(high)]}
        for error, value, (low, high) in zip(ERRORS, _highest_over_lowest(seen), ends, strict=True)
    }


def _ends(ratios: Float[np.ndarray, " R"]) -> tuple[float, float]:
    """Of the interval, by percentiles that pick a replicate: where the lowest error is 0, its ratio is endless."""
    judged = ratios[~np.isnan(ratios)]
    if not len(judged):
        return float("nan"), float("nan")
    low, high = np.percentile(judged, ENDS_PERCENT, method="inverted_cdf")
    return float(low), float(high)


def _highest_over_lowest(errors: Float[np.ndarray, "*R G 2"]) -> Float[np.ndarray, "*R 2"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return errors.max(axis=-2) / errors.min(axis=-2)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def groups_of_all_pairs(
    unit: Float[np.ndarray, "N D"],
    labels: Int[np.ndarray, " N"],
    group: Int[np.ndarray, " N"],
    names: Sequence[str],
    settings: Settings,
) -> tuple[AbstractScores, list[Group]]:
    """Over all pairs of labelled images, from L2-normalised embeddings."""
    whole = score_all(unit, labels, settings.kept_impostors)
    floor = float(whole.impostor[-1])  # no replicate's threshold lies lower
    people = np.unique(labels)
    groups = []
    for number, name in enumerate(names):
        inside = group == number
        scores = score_all(unit[inside], labels[inside], floor=np.nextafter(floor, -np.inf))
        groups.append(Group(name, scores, np.searchsorted(people, np.unique(labels[inside]))))
    return whole, groups


def groups_of_listed_pairs(
    unit: Float[np.ndarray, "N D"],
    labels: Int[np.ndarray, " N"],
    group: Int[np.ndarray, " N"],
    names: Sequence[str],
    pairs: Pairs,
) -> tuple[AbstractScores, list[Group]]:
    """Over the pairs of a list, as RFW has them."""
    cosines = likeness(unit, unit, pairs).cosines
    people = np.unique(labels[np.stack([pairs.first, pairs.second])])
    groups = []
    for number, name in enumerate(names):
        inside = (group[pairs.first] == number) & (group[pairs.second] == number)
        part = Pairs(pairs.first[inside], pairs.second[inside], pairs.same[inside], pairs.folds)
        own = np.unique(labels[np.stack([part.first, part.second])])
        groups.append(Group(name, score_listed(cosines[inside], labels, part), np.searchsorted(people, own)))
    return score_listed(cosines, labels, pairs), groups
