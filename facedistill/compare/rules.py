"""What a comparison must say of itself, in sentences to be printed with its table."""

from collections.abc import Iterator, Mapping

from ..protocols.contract import AbstractProtocol
from .file import Comparison
from .plan import Plan
from .report import Told


def told(comparison: Comparison, planned: Plan, benchmarks: Mapping[str, AbstractProtocol], jobs: int) -> Told:
    """Title, reference and rules of a table."""
    rules = [*_made(comparison, planned, benchmarks), *_MEANT, _cost(jobs)]
    return Told(f"Comparison {comparison.out.name}", comparison.compared_with, rules)


_MEANT = (
    "Better and worse stand only where the interval of the difference leaves zero out. Each interval speaks for "
    "itself: of twenty true ties one is expected to look like a difference.",
    "Rank: over the same replicates, among the rows of one student; first: the share in which no row was above.",
)


def _made(comparison: Comparison, planned: Plan, benchmarks: Mapping[str, AbstractProtocol]) -> Iterator[str]:
    judge, training = comparison.judge, planned.base.training
    sets = ", ".join(f"{name} ({len(opened.faces):,} images)" for name, opened in benchmarks.items())
    yield f"Judged on {sets}; mirror images {'added' if judge.flip else 'not seen'}."
    yield from _sides(comparison)
    yield (
        f"One budget and one set of views for all: epochs {training.epochs}, batch {training.batch}, base "
        f"{comparison.base}."
    )
    drawn = "identities and training seeds" if len(comparison.seeds) > 1 else "identities; another seed differs as well"
    yield (
        f"Intervals: 95 %, percentile bootstrap over {drawn}; {judge.replicates} replicates. Differences are paired: "
        "every network is drawn with the same people."
    )


def _sides(comparison: Comparison) -> Iterator[str]:
    judge = comparison.judge
    if judge.gallery:
        yield f"Teacher's gallery: queries of the row's network against images that teacher {judge.gallery} enrolled."
    if judge.resolutions_px:
        yield "Query at so many px: shrunk to them and enlarged again, against the same network's whole images."


def _cost(jobs: int) -> str:
    beside = f"up to {jobs} runs side by side" if jobs > 1 else "one run at a time"
    return (
        f"Costs are what each run measured, {beside} in the last call, and beside whatever else the machine did: "
        "images a second, median over the epochs, and seconds of the whole training."
    )
