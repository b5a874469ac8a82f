"""What a page of figures is made of: sections with tables and plots, in ready words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jobs.words import Language

Mark = tuple[float, float, float]
"""A value between its interval's ends, each from 0 to 1: (low, value, high)."""


@dataclass(frozen=True, slots=True)
class Table:
    """Names over lines of cells. With `marks`, each line is drawn as an interval, or not."""

    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    marks: tuple[Mark | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """A square of 0 to 1 both ways: dots (x, y, share of the rows) or a line, named for readers.

    `summary` says in words what is drawn, for those who do not see it.
    """

    title: str
    x: str
    y: str
    summary: str
    dots: tuple[tuple[float, float, float], ...] = ()
    line: tuple[tuple[float, float], ...] = ()
    diagonal: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page: its name, tables, plots and a remark under them."""

    title: str
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FigurePage:
    """A page in one language."""

    language: Language
    title: str
    headline: str
    tone: Literal["good", "hand", "bad"]
    sections: tuple[Section, ...]
    made: str


def show_share(value: float | None) -> str:
    """Return a value from 0 to 1 as 0 to 100 with one decimal, `-` for none."""
    return "-" if value is None else f"{100 * value:.1f}"


def show_figure(figure: Any) -> str:
    """Return a saved figure with its interval: `61.3 (58.0-64.5)`."""
    value = show_share(figure["value"])
    if figure["low"] is None or figure["value"] is None:
        return value
    return f"{value} ({show_share(figure['low'])}-{show_share(figure['high'])})"


def mark_of(figure: Any) -> Mark | None:
    """Return what is drawn of a saved figure; nothing without an interval."""
    ends: Sequence[float | None] = (figure["low"], figure["value"], figure["high"])
    low, value, high = ends
    if low is None or value is None or high is None:
        return None
    return low, value, high
