"""The columns of an export: what they are called, what they hold, and where it comes from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from jobs.errors import SettingError
from jobs.spec import ClassifyTask, ExtractTask, FieldSpec, Spec, SummarizeTask, TranslateTask

Kind = Literal[
    "text", "code", "cell", "integer", "number", "usd", "amount", "date", "boolean", "json", "time"
]
"""What the cells of a column are, None apart.

- text: words of a row or a model; code: words of ours, never a formula; cell: a cell of the
  input as it stands there; json: JSON as text; all of them str
- integer: int; number: float; usd: US dollars as a float
- amount: a decimal number as str, e.g. "1200.50"; date: YYYY-MM-DD as str
- boolean: bool; time: datetime in UTC
"""

RESULT_COLUMNS: Final = (
    "row_number", "source_id", "status", "label", "confidence", "suggested_output", "output",
    "tier", "model", "verdict", "reason_code", "reason", "cost_usd", "attributes",
)  # fmt: skip
"""What `sekisho results` shows of `fct_results`; the parts of the answer follow the label."""
REJECT_COLUMNS: Final = ("row_number", "source_id", "reason_code", "reason")
VIEW_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("source_id", "label", "spec_name", "file_name", "model", "reason"), "text"),
    **dict.fromkeys(("batch_id", "spec_hash", "task", "status", "verdict", "reason_code"), "code"),
    "confidence_source": "code",
    **dict.fromkeys(("row_number", "tier"), "integer"),
    "confidence": "number",
    "cost_usd": "usd",
    **dict.fromkeys(("output", "suggested_output", "fields", "attributes", "tags"), "json"),
    **dict.fromkeys(("created_at", "updated_at", "finished_at"), "time"),
}
"""Every column of `fct_results`."""
FIELD_KINDS: Final[Mapping[str, Kind]] = {
    "string": "text",
    "enum": "text",
    "integer": "integer",
    "number": "number",
    "date": "date",
    "boolean": "boolean",
}
"""By the type of a field; others are JSON. Money is two columns."""
FIELD_PREFIX: Final = "field_"
OWN_PREFIX: Final = "sekisho_"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Taken:
    """A column and the column of the view it is taken from; `path` leads to it in its JSON."""

    column: Column
    source: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines: the number of each record, and the cells by column."""

    numbers: Sequence[int]
    cells: Sequence[Sequence[Any]]


def choose_columns(
    spec: Spec, standard: Iterable[str], wanted: Sequence[str] | None = None
) -> tuple[Taken, ...]:
    """Return the `standard` columns with the parts of the answer, or those `wanted`.

    Raises SettingError (export_columns_unknown) for a name there is no column of.
    """
    answer = _name_apart(take_answer(spec), VIEW_KINDS)
    if wanted is None:
        chosen = [_of_view(name) for name in standard]
        place = next((at for at, one in enumerate(chosen, 1) if one.source == "label"), None)
        return tuple(chosen if place is None else [*chosen[:place], *answer, *chosen[place:]])
    known = {one.column.name: one for one in (*map(_of_view, VIEW_KINDS), *answer)}
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        named = ", ".join(unknown) or "-"
        raise SettingError("export_columns_unknown", columns=named, known=", ".join(known))
    return tuple(known[name] for name in dict.fromkeys(wanted))


def take_answer(spec: Spec) -> tuple[Taken, ...]:
    """Return a column for each part of an answer that has a place of its own."""
    task = spec.task
    if isinstance(task, ClassifyTask) and task.multi_label:
        return (Taken(Column("labels", "json"), "output", ("labels",)),)
    if isinstance(task, ExtractTask):
        return tuple(taken for field in task.fields for taken in _take_field(field))
    if isinstance(task, TranslateTask):
        return (Taken(Column("text", "text"), "output", ("text",)),)
    if isinstance(task, SummarizeTask):
        return (Taken(Column("points", "json"), "output", ("points",)),)
    return ()


def _of_view(name: str) -> Taken:
    return Taken(Column(name, VIEW_KINDS[name]), name)


def _take_field(field: FieldSpec) -> tuple[Taken, ...]:
    if field.type != "money":
        kind = FIELD_KINDS.get(field.type, "json")
        return (Taken(Column(field.name, kind), "output", (field.name,)),)
    amount, currency = f"{field.name}_amount", f"{field.name}_currency"
    return (
        Taken(Column(amount, "amount"), "output", (field.name, "amount")),
        Taken(Column(currency, "text"), "output", (field.name, "currency")),
    )


def _name_apart(columns: Iterable[Taken], used: Iterable[str]) -> tuple[Taken, ...]:
    """Put FIELD_PREFIX before names that are used already."""
    seen = set(used)
    named = []
    for one in columns:
        name = one.column.name
        while name in seen:
            name = FIELD_PREFIX + name
        seen.add(name)
        named.append(replace(one, column=replace(one.column, name=name)))
    return tuple(named)


def place_beside(originals: Sequence[str], own: Iterable[Column]) -> tuple[Column, ...]:
    """Return the input's columns by their own names, then ours; ours give way to equal names."""
    seen = set(originals)
    columns = [Column(name, "cell") for name in originals]
    for column in own:
        name = column.name
        while name in seen:
            name = OWN_PREFIX + name
        seen.add(name)
        columns.append(replace(column, name=name))
    return tuple(columns)


def make_unique(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Number equal names, "note" and "note_2", and name empty ones by their place from 1.

    For formats in which a name stands once; only columns of an input can need it.
    """
    columns = tuple(columns)
    used = {column.name for column in columns}
    seen: set[str] = set()
    unique = []
    for place, column in enumerate(columns, 1):
        stem = name = column.name or f"column_{place}"
        number = 1
        while name in seen or (name != column.name and name in used):
            number += 1
            name = f"{stem}_{number}"
        seen.add(name)
        unique.append(replace(column, name=name))
    return tuple(unique)
