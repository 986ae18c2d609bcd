"""One model against another on the same faces: differences with paired intervals, and the word they allow."""

from ...errors import UserError
from ...protocols.contract import AbstractProtocol, Row
from ..embeddings.embed import Embeddings
from ..intervals.bootstrap import difference, replicate
from ..settings import Figures, Settings


def difference_figures(
    protocol: AbstractProtocol, first: Embeddings, second: Embeddings, settings: Settings
) -> dict[str, Figures]:
    """What the first model has more than the second, by figure; "better" or "worse" only where the paired interval
    leaves zero out.

    Raises:
        UserError: the benchmark has no figure that pairs.
    """
    measures = [protocol.measure(seen, settings) for seen in (first, second)]
    drawn = [
        replicate(measure.statistic, measure.units, replicates=settings.replicates, seed=settings.seed)
        for measure in measures
        if measure is not None
    ]
    if measures[0] is None or len(drawn) < 2:
        raise UserError(f"{type(protocol).__name__} has no figures to pair; leave out --against for it.")
    gain = difference(drawn[1:], drawn[:1], seed=settings.seed)
    rows = zip(measures[0].names, gain.mean, gain.low, gain.high, gain.verdicts, strict=True)
    return {
        name: {"difference": float(mean), "interval": [float(low), float(high)], "verdict": verdict}
        for name, mean, low, high, verdict in rows
    }


def difference_rows(differences: dict[str, Figures]) -> list[Row]:
    """As lines of a table."""
    return [
        Row(name, found["difference"], (found["interval"][0], found["interval"][1]), found["verdict"])
        for name, found in differences.items()
    ]
