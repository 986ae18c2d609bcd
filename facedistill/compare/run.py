"""A whole comparison: plan, train, judge, tell."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from ..device import choose_device
from ..errors import UserError
from ..train.checkpoint import write_text
from .file import Comparison
from .joined import join
from .judge import Judge, open_benchmarks, settings_of
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
    benchmarks = open_benchmarks(comparison.judge, planned)
    joined = join(comparison.out, planned, add, force=force)
    _keep(comparison)
    outcomes = run_all(planned.runs, comparison.out, jobs=jobs)
    finished, failed = _sorted(planned, outcomes)
    finished += joined
    judge = Judge(benchmarks, settings_of(comparison.judge), comparison.out / "embeddings")
    named = {f"{run.group.taught} seed {run.seed}": run.folder for run in finished}
    seen = judge(named, choose_device(planned.base.training.device))
    judged = {named[name]: figures for name, figures in seen.items()}
    table = lines(finished, failed, judged, comparison.compared_with)
    write_reports(comparison.out, table, told(comparison, planned, benchmarks, jobs))
    return table


def check_failures(table: Sequence[Line], folder: Path) -> None:
    """Say that runs failed, once the table is shown.

    Raises:
        FailedRuns: some did.
    """
    count = sum(len(line.failed) for line in table)
    if count:
        raise FailedRuns(f"{count} runs failed; the table in {folder} says why, and the same command tries them again.")


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


def _keep(comparison: Comparison) -> None:
    """The comparison as it was asked for, beside its runs."""
    comparison.out.mkdir(parents=True, exist_ok=True)
    said = yaml.safe_dump(comparison.model_dump(mode="json"), sort_keys=False)
    write_text(comparison.out / "compare.yaml", said)
