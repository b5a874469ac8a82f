"""Extractions against their gold records: per field, and whole records.

A value that is wrong costs precision (it was said) and recall (the right one was not); a null
where gold has a value costs recall, a value where gold is null costs precision. Lists are
compared as sets, member by member. `nulls` is the share of gold nulls that were answered null.
A record is right when every field is. A row without answer has none of its fields.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.evaluate.equality import is_same
from jobs.evaluate.gold import GoldError, read_field
from jobs.evaluate.intervals import Places, bootstrap, bootstrap_mean, wilson
from jobs.evaluate.labels import list_classes, macro_f1
from jobs.evaluate.rows import AnsweredRow, Figure, Measured, RowScore, score_row
from jobs.spec import ExtractTask, FieldSpec

Gold = Mapping[str, tuple[Hashable, ...]]


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """One field of one row: values that agree, values in gold, values answered."""

    hits: int
    gold: int
    said: int
    answered: bool

    @property
    def right(self) -> bool:
        """Whether the field is exactly right; nothing said is not, where there is no answer."""
        return self.answered and self.hits == self.gold == self.said

    @property
    def score(self) -> float:
        """F1 of the field; 1 for a null that is right."""
        if not self.answered:
            return 0.0
        return 2 * self.hits / (self.gold + self.said) if self.gold + self.said else 1.0


def match_field(field: FieldSpec, gold: tuple[Hashable, ...], row: AnsweredRow) -> FieldMatch:
    """Compare one field of a row with its gold values."""
    is_list = str(field.type) == "list"
    wanted = len(gold) if is_list else min(len(gold), 1)
    if row.output is None:
        return FieldMatch(0, wanted, 0, answered=False)
    said = read_said(field, row.output.get(field.name))
    if is_list:
        hits = len(set(gold) & set(said))
        return FieldMatch(hits, wanted, len(set(said)), answered=True)
    hit = any(is_same(one, answer) for one in gold for answer in said)
    return FieldMatch(int(hit), wanted, len(said), answered=True)


def read_said(field: FieldSpec, value: Any) -> tuple[Hashable, ...]:
    """Return an answered value in canonical form; one in no form at all agrees with nothing."""
    try:
        return read_field(field, value)
    except GoldError:
        return (("?",),)


def measure_fields(rows: Sequence[tuple[AnsweredRow, Gold]], task: ExtractTask) -> Measured:
    """Compare the records of rows with their gold records."""
    names = [field.name for field in task.fields]
    table = [
        [match_field(field, gold[field.name], row) for field in task.fields] for row, gold in rows
    ]
    scores = [_score(row, line) for (row, _), line in zip(rows, table, strict=True)]
    shape = (len(rows), len(names))
    hits, golds, answers = (
        np.array([[getattr(one, name) for one in line] for line in table], float).reshape(shape)
        for name in ("hits", "gold", "said")
    )

    def micro(places: Places) -> float | None:
        total = golds[places].sum() + answers[places].sum()
        return float(2 * hits[places].sum() / total) if total else None

    def macro(places: Places) -> float | None:
        return macro_f1(hits[places], golds[places], answers[places])

    nulls = [one for line in table for one in line if one.gold == 0]
    figures: dict[str, Figure] = {
        "field_f1": bootstrap(len(rows), micro),
        "macro_f1": bootstrap(len(rows), macro),
        "record_exact": wilson(sum(one.right for one in scores), len(scores)),
        "row_fields": bootstrap_mean([one.score for one in scores]),
        "nulls_right": wilson(sum(one.right for one in nulls), len(nulls)),
    }
    return Measured(
        headline="field_f1",
        figures=figures,
        scores=scores,
        classes=list_classes(names, hits.sum(0), golds.sum(0), answers.sum(0)),
        field_scores=_field_scores(rows, names, table),
    )


def _score(row: AnsweredRow, line: Sequence[FieldMatch]) -> RowScore:
    mean = sum(one.score for one in line) / len(line)
    return score_row(row, mean, right=all(one.right for one in line))


def _field_scores(
    rows: Sequence[tuple[AnsweredRow, Gold]],
    names: Sequence[str],
    table: Sequence[Sequence[FieldMatch]],
) -> list[tuple[float, bool]]:
    """Return how sure and how right each answered field is."""
    return [
        (sure, one.right)
        for (row, _), line in zip(rows, table, strict=True)
        for name, one in zip(names, line, strict=True)
        if one.answered and (sure := row.field_confidence.get(name)) is not None
    ]
