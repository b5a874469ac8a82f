"""Where two batches differ, row by row, and what that comes to. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from jobs.job import JobStatus

Kind = Literal["only_left", "only_right", "status", "answer"]


@dataclass(frozen=True, slots=True)
class Side:
    """A row as it stands in one batch; label and output are None unless it is done."""

    row_number: int
    status: JobStatus
    label: str | None
    output: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that only one batch has (the other side is None), or that ended differently."""

    source_id: str
    left: Side | None
    right: Side | None
    same_text: bool

    @property
    def kind(self) -> Kind:
        """What differs; a row that is not done on both sides has no two answers to compare."""
        if self.left is None:
            return "only_right"
        if self.right is None:
            return "only_left"
        return "answer" if self.left.status is self.right.status else "status"

    def as_line(self) -> dict[str, Any]:
        """Return it as a flat line."""
        line: dict[str, Any] = {"source_id": self.source_id, "difference": self.kind}
        for name in ("row_number", "status", "label", "output"):
            line[f"left_{name}"] = getattr(self.left, name, None)
            line[f"right_{name}"] = getattr(self.right, name, None)
        both = self.left is not None and self.right is not None
        return {**line, "same_text": self.same_text if both else None}


LINE_COLUMNS = tuple(Difference("", None, None, same_text=False).as_line())


@dataclass(slots=True)
class Sum:
    """Counts of what went by. `labels` counts (from, to) of changed single labels."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    other_text: int = 0

    def watch(self, differences: Iterable[Difference]) -> Iterator[Difference]:
        """Yield what is handed in, counting it."""
        for one in differences:
            self._count(one)
            yield one

    def _count(self, one: Difference) -> None:
        self.kinds[one.kind] += 1
        if one.left is None or one.right is None:
            return
        self.other_text += not one.same_text
        before, after = one.left.label, one.right.label
        if before is not None and after is not None and before != after:
            self.labels[before, after] += 1

    @property
    def differing(self) -> int:
        """All rows that differ, those that only one batch has included."""
        return self.kinds.total()

    def label_changes(self) -> list[tuple[str, str, int]]:
        """Return (from, to, rows), most frequent first."""
        ordered = sorted(self.labels.items(), key=lambda item: (-item[1], item[0]))
        return [(before, after, rows) for (before, after), rows in ordered]
