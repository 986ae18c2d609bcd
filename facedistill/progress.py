"""Progress of long work: a live line on a terminal, a plain line every so often anywhere else, always on stderr."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text


class Display:
    """One piece of work of ``steps`` steps, ``done`` of them before it began."""

    def __init__(self, steps: int, *, done: int = 0, title: str = "", every_s: float = 30.0) -> None:
        self._console = Console(stderr=True)
        self._every_s, self._title = every_s, title
        self._steps, self._first, self._start = steps, done, time.monotonic()
        self._said = self._start
        self._progress = Progress(
            TextColumn(title), BarColumn(bar_width=24), _Remark(), TimeElapsedColumn(), TimeRemainingColumn(),
            console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task(title, total=steps, completed=done, remark="")

    def __enter__(self) -> "Display":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, step: int, remark: str = "") -> None:
        """``step`` steps are done; ``remark`` says how it goes."""
        self._progress.update(self._task, completed=step, remark=remark)
        now = time.monotonic()
        if not self._console.is_terminal and (now - self._said >= self._every_s or step == self._steps):
            self._said = now
            eta_s = (now - self._start) / max(1, step - self._first) * (self._steps - step)
            self._console.print(f"{self._title} {step}/{self._steps} {remark} ETA {eta_s:.0f} s", highlight=False)

    def say(self, sentence: str) -> None:
        """One sentence above the progress."""
        self._console.print(sentence, highlight=False)


class Reporter:
    """Progress of several pieces of work, one after the other, each by its name."""

    def __init__(self) -> None:
        self._open: dict[str, Display] = {}

    def __enter__(self) -> "Reporter":
        return self

    def __exit__(self, *_: object) -> None:
        for display in self._open.values():
            display.__exit__(None, None, None)

    def __call__(self, name: str, done: int, total: int) -> None:
        """``done`` of ``total`` steps of the work called ``name`` are done."""
        if name not in self._open:
            self.__exit__()
            self._open = {name: Display(total, title=name).__enter__()}
        self._open[name].advance(done)


class _Remark(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:.0f}/{task.total:.0f} {task.fields['remark']}")
