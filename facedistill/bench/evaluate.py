"""Figures of benchmarks as large as the field's, from drawn numbers; no image is involved."""

from dataclasses import replace

from ..evaluate.pairs.figures import fold_figures
from ..evaluate.pairs.likeness import likeness
from ..evaluate.settings import Settings
from ..evaluate.templates.figures import template_pair_figures
from . import plain_folds, plain_ijb
from .measure import Effort
from .row import Row, at_most

FOLD_PAIRS, WIDTH = 6000, 512
TEN_FOLD_S, IJBC_S = 0.005, 5.0
PART = 10
"""Of IJB-C's pairs the published algorithm scores every tenth, and its time is multiplied."""


def bench_evaluate(effort: Effort) -> list[Row]:
    """Ten folds, and IJB-C's pairs with their ROC, DET and intervals."""
    return [_ten_folds(effort), _template_pairs(effort)]


def _ten_folds(effort: Effort) -> Row:
    seen, pairs = plain_folds.drawn(FOLD_PAIRS, WIDTH)
    taken = effort.interleaved(
        {"ours": lambda: fold_figures(likeness(seen.unit, seen.unit, pairs).distances, pairs)}, quick=15, full=45
    )
    eager = effort.seconds(lambda: plain_folds.accuracy_and_tar(seen, pairs))
    return at_most("evaluate.ten_fold", "6,000 pairs in ten folds", "s", taken["ours"], TEN_FOLD_S, eager=eager)


def _template_pairs(effort: Effort) -> Row:
    unit, subject = plain_ijb.draw_templates()
    pairs = plain_ijb.draw_pairs(subject)
    some = replace(pairs, first=pairs.first[::PART], second=pairs.second[::PART], same=pairs.same[::PART])
    settings = Settings(fars=plain_ijb.FARS)
    ours = effort.seconds(lambda: template_pair_figures(unit, pairs, settings))
    eager = PART * effort.seconds(lambda: plain_ijb.plain_tar(plain_ijb.plain_scores(unit, some), some.same))
    return at_most("evaluate.ijbc", "IJB-C's 15.7 million pairs, with intervals", "s", ours, IJBC_S, eager=eager)
