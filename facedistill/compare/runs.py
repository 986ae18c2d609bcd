"""Runs of a comparison, each in a process of its own: what is finished is skipped, what fails is said and passed by."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen

from ..config import dump_recipe
from ..files import write_text
from ..progress import Display
from ..train.checkpoint import checkpoints
from ..train.log import read_lines
from ..train.resume import result_of
from .plan import Planned

LOOK_EVERY_S = 0.3

Outcomes = dict[str, str | None]
"""By name of a run: None where it finished, else the reason why not."""

BEGINNING = ("config.yaml", "environment.json", "metrics.jsonl")
"""All that a run leaves that was stopped before its first checkpoint."""


def run_all(planned: Sequence[Planned], folder: Path, *, jobs: int = 1, inherit: tuple[int, ...] = ()) -> Outcomes:
    """Train what is not finished, ``jobs`` at a time, and say how each run ended.

    Args:
        folder: of the comparison; recipes and what the runs print are kept below it.
        inherit: file descriptors that the runs keep open.
    """
    outcomes: Outcomes = {run.name: None for run in planned if result_of(run.recipe.out) is not None}
    waiting = [run for run in planned if run.name not in outcomes]
    total = sum(run.recipe.training.epochs for run in planned)
    display = Display(total, done=_epochs(planned, outcomes), title="comparing")
    with display, _Slots(folder, jobs, inherit) as slots:
        while waiting or slots.running:
            _start(waiting, slots, outcomes)
            outcomes |= slots.ended()
            display.advance(_epochs(planned, outcomes), _remark(len(planned), outcomes, slots))
            time.sleep(LOOK_EVERY_S if slots.running else 0)
    return outcomes


def _start(waiting: list[Planned], slots: "_Slots", outcomes: Outcomes) -> None:
    """Begin every run that has a slot and, where it needs one, a teacher."""
    for run in list(waiting):
        if run.needs is not None and run.needs not in outcomes:
            continue
        if run.needs is not None and (reason := outcomes[run.needs]) is not None:
            outcomes[run.name] = f"its teacher failed: {reason}"
        elif not slots.begin(run):
            return
        waiting.remove(run)


def _epochs(planned: Sequence[Planned], outcomes: Outcomes) -> int:
    """Epochs that need no more waiting for; a run that has not ended still owes its last one."""
    return sum(
        run.recipe.training.epochs
        if run.name in outcomes
        else min(epochs_done(run.recipe.out), run.recipe.training.epochs - 1)
        for run in planned
    )


def _remark(runs: int, outcomes: Outcomes, slots: "_Slots") -> str:
    failed = sum(reason is not None for reason in outcomes.values())
    said = f"epochs, {len(outcomes)} of {runs} runs ended, {failed} failed"
    return "; ".join([said, *(work.run.name for work in slots.running.values())])


@dataclass(frozen=True)
class _Work:
    run: Planned
    process: Popen[bytes]
    log: Path


@dataclass
class _Slots:
    """Processes side by side; leaving stops those that still run."""

    folder: Path
    jobs: int
    inherit: tuple[int, ...]
    running: dict[int, _Work] = field(default_factory=dict)

    def __enter__(self) -> "_Slots":
        return self

    def __exit__(self, *_: object) -> None:
        for work in self.running.values():
            work.process.terminate()
        for work in self.running.values():
            work.process.wait()

    def begin(self, run: Planned) -> bool:
        """Start a run, if there is room."""
        free = [slot for slot in range(self.jobs) if slot not in self.running]
        if free:
            self.running[free[0]] = _launch(run, self.folder, environment(free[0], self.jobs), self.inherit)
        return bool(free)

    def ended(self) -> Outcomes:
        """Runs that ended since the last look."""
        over = {slot: work for slot, work in self.running.items() if work.process.poll() is not None}
        for slot in over:
            del self.running[slot]
        return {work.run.name: _outcome(work) for work in over.values()}


def _launch(run: Planned, folder: Path, variables: Mapping[str, str], inherit: tuple[int, ...]) -> _Work:
    file = folder / "recipes" / f"{run.name}.yaml"
    log = folder / "logs" / f"{run.name}.log"
    for path in (file, log):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, dump_recipe(run.recipe))
    verb = "train" if run.recipe.teacher is None else "distill"
    resume = ["--resume"] if _to_go_on_with(run.recipe.out) else []
    with log.open("wb") as stream:
        process = Popen(
            [sys.executable, "-m", "facedistill", verb, str(file), *resume],
            env=variables, stdin=DEVNULL, stdout=stream, stderr=STDOUT, pass_fds=inherit,
        )  # fmt: skip
    return _Work(run, process, log)


def _to_go_on_with(folder: Path) -> bool:
    """Whether a run has a checkpoint; one that was stopped before its first leaves nothing and begins anew."""
    if not folder.exists() or checkpoints(folder / "checkpoints"):
        return folder.exists()
    for name in BEGINNING:
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # whatever else is in it stays, and the run says that the folder exists
        folder.rmdir()
    return False


def environment(slot: int, jobs: int) -> dict[str, str]:
    """Variables of a run's process: its share of the cores, and a graphics processor in turn."""
    variables = dict(os.environ)
    if jobs > 1:
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        variables["OMP_NUM_THREADS"] = str(max(1, cores // jobs))
        if devices := _devices():
            variables["CUDA_VISIBLE_DEVICES"] = devices[slot % len(devices)]
    return variables


def _devices() -> list[str]:
    """Names of the graphics processors that this process may use."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [name for name in allowed.split(",") if name]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def _outcome(work: _Work) -> str | None:
    code = work.process.returncode
    if code == 0 and result_of(work.run.recipe.out) is not None:
        return None
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}; see {work.log}"
    said = [line.strip() for line in work.log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("Error: ") for line in said if line.startswith("Error: ")]
    return (errors or said or [f"it ended with exit code {code}"])[-1]


def epochs_done(folder: Path) -> int:
    """How many epochs the run in ``folder`` has trained."""
    return max((int(epoch["epoch"]) for epoch in training_epochs(folder)), default=0)


def training_epochs(folder: Path) -> Iterator[dict[str, float | int]]:
    """What the run in ``folder`` noted after every epoch."""
    return (values for values in read_lines(folder / "metrics.jsonl") if "images_per_s" in values)
