"""The rows of an evaluation: what was answered, what was right, and how each was scored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from jobs.job import JobStatus

NO_REASON: Final = "no_answer"


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """A row of the batch and its gold text.

    `output` is the answer the row got, also one that failed a check (`kept` is false then);
    None if there is none, and `reason_code` says why.
    """

    row_number: int
    source_id: str
    output: Mapping[str, Any] | None
    kept: bool
    confidence: float | None
    reason_code: str
    gold: str
    groups: Mapping[str, str] = field(default_factory=dict)
    field_confidence: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowScore:
    """How one row did: `score` from 0 to 1, `right` or not.

    `confidence` is None for an answer that is missing, failed a check, or says nothing of it: no
    gate keeps such a row, so it comes last wherever rows are ordered.
    """

    row_number: int
    source_id: str
    score: float
    right: bool
    confidence: float | None
    groups: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value and its 95% interval; all from 0 to 1 (chrF too). None: not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class ClassLine:
    """Precision, recall and F1 of one label, or of one field of a record.

    `gold` counts where it should stand, `answers` where it was said; None: nothing to divide by.
    """

    name: str
    gold: int
    answers: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often `answer` stood where `gold` was right."""

    gold: str
    answer: str
    rows: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What a task's own measure makes of its rows; `headline` names the first figure to look at.

    `field_scores` are (confidence, right) of single fields (extract).
    """

    headline: str
    figures: Mapping[str, Figure]
    scores: Sequence[RowScore]
    classes: Sequence[ClassLine] = ()
    confusions: Sequence[Confusion] = ()
    field_scores: Sequence[tuple[float, bool]] = ()


def read_row(line: Mapping[str, Any], gold: str, groups: Sequence[str]) -> AnsweredRow:
    """Take what an evaluation needs from a line of `fct_results`."""
    kept = line["status"] == JobStatus.DONE
    attributes = line["attributes"] or {}
    fields = line["fields"] or {}
    return AnsweredRow(
        row_number=int(line["row_number"]),
        source_id=str(line["source_id"]),
        output=line["output"] if kept else line["suggested_output"],
        kept=kept,
        confidence=line["confidence"],
        reason_code=line["reason_code"] or NO_REASON,
        gold=str(attributes.get(gold) or ""),
        groups={name: str(attributes.get(name) or "") for name in groups},
        field_confidence={name: one.get("confidence") for name, one in fields.items()},
    )


def unanswered_row(row_number: int, source_id: str, gold: str) -> AnsweredRow:
    """Return a row that nobody has answered yet."""
    return AnsweredRow(row_number, source_id, None, False, None, NO_REASON, gold)


def score_row(row: AnsweredRow, score: float, *, right: bool) -> RowScore:
    """Score a row; no gate would keep what failed a check, so that has no confidence here."""
    confidence = row.confidence if row.kept and row.output is not None else None
    return RowScore(row.row_number, row.source_id, score, right, confidence, row.groups)
