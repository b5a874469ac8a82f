"""What a person sees while a run goes on: a bar on a terminal, now and then a line elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from jobs.store.results import Tally
from jobs.words import Language, say

LINE_SECONDS: Final = 5.0
QUIET_SECONDS: Final = 30.0
"""Lines while nothing moves are rarer."""


class View(Protocol):
    """Hears what happens; everything goes to stderr."""

    def say(self, code: str, **params: object) -> None:
        """Tell one fact."""

    def show(self, name: str, tally: Tally, seconds: float) -> None:
        """Show how far a file is after some seconds of work."""

    def end(self) -> None:
        """No more progress of this file."""


def make_view(language: Language) -> View:
    """Return a bar for terminals, lines for everything else."""
    return BarView(language) if sys.stderr.isatty() else LineView(language)


class Pace:
    """Rows per second since the first look at a file; None until it can be told."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def measure(self, ended: int, seconds: float) -> str:
        """Return the pace as text, `-` while nothing has moved."""
        if self._first is None:
            self._first = (ended, seconds)
        rows, passed = ended - self._first[0], seconds - self._first[1]
        return f"{rows / passed:.1f}" if rows and passed > 0 else "-"


class LineView:
    """A line every few seconds, and one for each fact."""

    def __init__(self, language: Language, clock: Callable[[], float] = time.monotonic) -> None:
        self._language = language
        self._clock = clock
        self._next = clock()
        self._shown = -1
        self._pace = Pace()

    def say(self, code: str, **params: object) -> None:
        print(say(code, self._language, **params), file=sys.stderr, flush=True)  # noqa: T201 - it is the view

    def show(self, name: str, tally: Tally, seconds: float) -> None:
        rate = self._pace.measure(tally.ended, seconds)
        if self._clock() < self._next:
            return
        quiet = tally.ended == self._shown
        self._shown = tally.ended
        self._next = self._clock() + (QUIET_SECONDS if quiet else LINE_SECONDS)
        self.say(
            "progress_line",
            name=name,
            ended=tally.ended,
            rows=tally.rows,
            percent=100 * tally.ended // max(tally.rows, 1),
            rate=rate,
        )

    def end(self) -> None:
        self._next = self._clock()
        self._pace = Pace()


class BarView:
    """A progress bar; facts appear above it."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._console = Console(stderr=True, highlight=False)
        self._bar: Progress | None = None
        self._pace = Pace()

    def say(self, code: str, **params: object) -> None:
        console = self._console if self._bar is None else self._bar.console
        console.print(say(code, self._language, **params), markup=False)

    def show(self, name: str, tally: Tally, seconds: float) -> None:
        if self._bar is None:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._bar.start()
            self._bar.add_task(name, total=tally.rows, rate="")
        pace = self._pace.measure(tally.ended, seconds)
        rate = say("progress_rate", self._language, rate=pace)
        task = self._bar.tasks[0].id
        self._bar.update(task, completed=tally.ended, total=tally.rows, rate=rate)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._pace = Pace()
