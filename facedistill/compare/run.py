"""A whole comparison: plan, train, judge, tell."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from ..device import choose_device
from ..errors import UserError
from ..files import write_text
from .benchmarks import open_benchmarks
from .file import Comparison
from .folder import KEPT, alone_in, check_ours
from .gallery import gallery_of
from .joined import join, keep
from .judge import Judge, Sides, settings_of
from .plan import Plan, plan
from .report import write_reports
from .rules import told
from .runs import Outcomes, run_all
from .table import Failed, Finished, Line, lines


class FailedRuns(UserError):
    """Some runs failed; the others are in the table."""

    exit_code = 1


def compare(comparison: Comparison, *, jobs: int = 1, add: Sequence[str] = (), force: bool = False) -> list[Line]:
    """Train what is not finished, judge everything, write the reports to ``comparison.out``, and return the table.

    Args:
        jobs: runs side by side.
        add: finished runs to join, each ``RUN`` or ``NAME=RUN``.
        force: join also what has another budget or other views.

    Raises:
        UserError: anything about the file, the benchmarks or the runs to join, before anything trains.
    """
    planned = plan(comparison)
    check_ours(comparison.out, planned.base)
    settings = settings_of(comparison.judge)
    sides = Sides(gallery_of(comparison, planned), comparison.judge.resolutions_px)
    benchmarks = open_benchmarks(comparison.judge, planned)
    judge = Judge(benchmarks, settings, comparison.out / "embeddings", sides)
    joined = join(comparison.out, planned, add, force=force)
    with alone_in(comparison.out) as lock:
        _keep(comparison, joined)
        outcomes = run_all(planned.runs, comparison.out, jobs=jobs, inherit=lock)
        table = _table(comparison, planned, judge, outcomes, joined)
        write_reports(comparison.out, table, told(comparison, planned, benchmarks, jobs))
    return table


def _table(
    comparison: Comparison, planned: Plan, judge: Judge, outcomes: Outcomes, joined: Sequence[Finished]
) -> list[Line]:
    """What finished, judged, and what failed."""
    finished, failed = _sorted(planned, outcomes)
    finished += joined
    named = {f"{run.group.student}/{run.group.taught} seed {run.seed}": run.folder for run in finished}
    seen = judge(named, choose_device(planned.base.training.device))
    judged = {named[name]: figures for name, figures in seen.items()}
    return lines(finished, failed, judged, comparison.compared_with)


def check_failures(table: Sequence[Line], folder: Path) -> None:
    """Say that runs failed, once the table is shown.

    Raises:
        FailedRuns: some did.
    """
    count = sum(len(line.failed) for line in table)
    if count:
        runs = "1 run" if count == 1 else f"{count} runs"
        raise FailedRuns(f"{runs} failed; the table in {folder} says why, and the same command tries again.")


def _sorted(planned: Plan, outcomes: Outcomes) -> tuple[list[Finished], list[Failed]]:
    finished: list[Finished] = []
    failed: list[Failed] = []
    for group, run in planned.of_students:
        reason = outcomes[run.name]
        if reason is None:
            finished.append(Finished(group, run.recipe.seed, run.recipe.out))
        else:
            failed.append(Failed(group, run.recipe.seed, reason))
    return finished, failed


def _keep(comparison: Comparison, joined: Sequence[Finished]) -> None:
    """The comparison as it was asked for and what is joined, beside its runs."""
    said = yaml.safe_dump(comparison.model_dump(mode="json"), sort_keys=False)
    write_text(comparison.out / KEPT, said)
    if joined:
        keep(comparison.out, joined)
