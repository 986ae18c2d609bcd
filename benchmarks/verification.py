"""Ten-fold verification of 6,000 pairs: our time beside a plain NumPy reading of the published algorithm, in one run.

    python benchmarks/verification.py

Both get the same L2-normalised float64 embeddings and compute accuracy, spread, XNorm and TAR at FAR 1e-3 per fold;
ours adds the true optimum and the strict TAR. The plain reading tries threshold after threshold on fold after fold, as
the published text tells it. Figures must agree, or the script fails.
"""

import time
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer

from facedistill.bench.plain_folds import FAR, accuracy_and_tar, drawn
from facedistill.data.pairs import Pairs
from facedistill.evaluate.embeddings.embed import Embeddings
from facedistill.evaluate.pairs.figures import fold_figures
from facedistill.evaluate.pairs.likeness import likeness
from facedistill.evaluate.pairs.roc import tar_at_far
from facedistill.evaluate.pairs.scores import score_listed
from facedistill.types import UNLABELLED


def main(
    pairs: Annotated[int, typer.Option(help="How many, in ten folds.")] = 6000,
    width: Annotated[list[int] | None, typer.Option(help="Of the embeddings; 32 and 512 by default.")] = None,
    repeats: Annotated[int, typer.Option(help="Of ours; the best time is printed.")] = 20,
) -> None:
    """Print a row a width."""
    print("| width | ours, embeddings normalised | ours, raw views | plain reading | accuracy |")
    print("|---|---|---|---|---|")
    for number in width or [32, 512]:
        seen, listed = drawn(pairs, number)
        warm, figures = timed(lambda seen=seen, listed=listed: ours(seen, listed), repeats)
        cold, _ = timed(lambda seen=seen, listed=listed: ours(Embeddings.of(seen.views), listed), repeats)
        slow, expected = timed(lambda seen=seen, listed=listed: accuracy_and_tar(seen, listed), 1)
        got = [
            figures["accuracy"],
            figures["accuracy_std"],
            figures["xnorm"],
            figures["fold_tar_at_far"]["0.001"]["tar"],
        ]
        np.testing.assert_allclose(got, expected, atol=1e-9)
        print(f"| {number} | {1e3 * warm:.1f} ms | {1e3 * cold:.1f} ms | {1e3 * slow:.0f} ms | {100 * got[0]:.4f} |")


def ours(seen: Embeddings, pairs: Pairs) -> dict[str, Any]:
    nobody = np.full(len(seen.unit), UNLABELLED)
    alike = likeness(seen.unit, seen.unit, pairs)
    strict = tar_at_far(score_listed(alike.cosines, nobody, pairs), (FAR,))[0].tar
    return {**fold_figures(alike.distances, pairs), "xnorm": seen.xnorm, "strict": strict}


def timed(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Least processor time in seconds, which other work on the machine hardly touches, and the last answer."""
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        answer = work()
        best = min(best, time.process_time() - start)
    return best, answer


if __name__ == "__main__":
    typer.run(main)
