"""Runs of two sides, taken in turn, and what is said about them: medians, ratios, a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, Final

HEAD: Final = ("work", "case", "unit", "own", "peer", "peer's", "own / peer", "failed own/peer")


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run: `amount` units of work in `seconds`.

    `failed` rows have no answer; `cut` ones were ended by their longest length. `facts` are
    further numbers by name (tokens read, processor seconds of the client, ...).
    """

    amount: float
    seconds: float
    failed: int = 0
    cut: int = 0
    facts: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.amount / self.seconds


Side = Callable[[int], Run]  # from the number of the repetition, which chooses the rows


@dataclass(frozen=True, slots=True)
class Span:
    """The median of some numbers, and the least and the greatest of them."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        least, most = format_number(self.least), format_number(self.most)
        middle = format_number(self.median)
        return middle if least == most else f"{middle} ({least}-{most})"


@dataclass(frozen=True, slots=True)
class Pair:
    """One comparison: the own runs and, in the same order, the peer's."""

    work: str
    case: str
    unit: str
    own: tuple[Run, ...]
    peer: str
    theirs: tuple[Run, ...]
    notes: tuple[str, ...] = ()

    def ratios(self) -> list[float]:
        """Return own / peer of each repetition: what ran one after the other is compared."""
        return [mine.rate / his.rate for mine, his in zip(self.own, self.theirs, strict=True)]

    def restate(self, unit: str, fact: str) -> "Pair":
        """Return the same runs with a fact of theirs for the amount."""

        def change(runs: Sequence[Run]) -> tuple[Run, ...]:
            return tuple(replace(run, amount=run.facts[fact]) for run in runs)

        return replace(self, unit=unit, own=change(self.own), theirs=change(self.theirs), notes=())

    def disagreements(self, fact: str) -> list[str]:
        """Return what to say if both sides differ in a fact that must be the same."""
        pairs = [
            (mine.facts[fact], his.facts[fact])
            for mine, his in zip(self.own, self.theirs, strict=True)
            if fact in mine.facts and fact in his.facts
        ]
        return [
            f"{fact} differ: own {mine:,.0f}, {self.peer} {his:,.0f}"
            for mine, his in pairs
            if mine != his
        ][:1]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something measured without a peer."""

    work: str
    case: str
    unit: str
    values: tuple[float, ...]
    notes: tuple[str, ...] = ()


Entry = Pair | Finding


def find_span(values: Sequence[float]) -> Span:
    """Return median, least and greatest; raises `ValueError` if there is nothing."""
    if not values:
        raise ValueError(values)
    return Span(median(values), min(values), max(values))


def format_number(value: float) -> str:
    """Write three digits that count: 1234.5 -> 1,234 and 0.01234 -> 0.0123."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def take_turns(own: Side, peers: Mapping[str, Side], repeats: int) -> dict[str, tuple[Run, ...]]:
    """Run own, peer, own, peer, ...; returns the runs by name, the own ones under "".

    Repetition 0 of every side is its warm-up and is not returned. With several peers each
    repetition is own, first peer, second peer.
    """
    sides = {"": own, **peers}
    runs: dict[str, list[Run]] = {name: [] for name in sides}
    for repetition in range(repeats + 1):
        for name, side in sides.items():
            run = side(repetition)
            if repetition:
                runs[name].append(run)
    return {name: tuple(of) for name, of in runs.items()}


def format_table(entries: Sequence[Entry]) -> str:
    """Write a Markdown table of medians (least-greatest), and the notes below it."""
    lines = [list(HEAD), ["---"] * len(HEAD), *(_cells(entry) for entry in entries)]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    notes = [f"- {entry.work}, {entry.case}: {note}" for entry in entries for note in entry.notes]
    return "\n".join([table, "", *notes] if notes else [table])


def describe(entry: Entry) -> dict[str, Any]:
    """Return all numbers of an entry for JSON."""
    about: dict[str, Any] = {
        "work": entry.work,
        "case": entry.case,
        "unit": entry.unit,
        "notes": list(entry.notes),
    }
    if isinstance(entry, Finding):
        return about | {"values": list(entry.values), **_describe_span(entry.values)}
    return about | {
        "peer": entry.peer,
        "own_rate": _describe_span([run.rate for run in entry.own]),
        "peer_rate": _describe_span([run.rate for run in entry.theirs]),
        "ratio": _describe_span(entry.ratios()),
        "own_runs": [_describe_run(run) for run in entry.own],
        "peer_runs": [_describe_run(run) for run in entry.theirs],
    }


def _cells(entry: Entry) -> list[str]:
    head = [entry.work, entry.case, entry.unit]
    if isinstance(entry, Finding):
        return [*head, str(find_span(entry.values)), "", "", "", ""]
    return [
        *head,
        str(find_span([run.rate for run in entry.own])),
        entry.peer,
        str(find_span([run.rate for run in entry.theirs])),
        str(find_span(entry.ratios())),
        " / ".join(_format_failed(runs) for runs in (entry.own, entry.theirs)),
    ]


def _format_failed(runs: Sequence[Run]) -> str:
    failed, cut = sum(run.failed for run in runs), sum(run.cut for run in runs)
    return f"{failed} (+{cut} cut)" if cut else str(failed)


def _describe_span(values: Sequence[float]) -> dict[str, float]:
    span = find_span(values)
    return {"median": span.median, "min": span.least, "max": span.most}


def _describe_run(run: Run) -> dict[str, Any]:
    return {
        "amount": run.amount,
        "seconds": run.seconds,
        "rate": run.rate,
        "failed": run.failed,
        "cut": run.cut,
        "facts": dict(run.facts),
    }
