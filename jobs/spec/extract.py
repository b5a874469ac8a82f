"""The `[task]` table of an extraction."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from jobs.spec.field import FieldSpec, measure_depth, name_tables, walk
from jobs.spec.section import freeze
from jobs.spec.task_section import Example, TaskSection, refuse_equal

DEPTH_MAX: Final = 3
"""How deep records may stand in each other: lines[].address.city is a field at depth 3."""
FIELDS_MAX: Final = 100
"""How many fields there may be, those of records included."""
EXAMPLES_MAX: Final = 32


class ExtractTask(TaskSection):
    """Fill the same `fields`, in this order, from every row; `examples` are shown to the model."""

    kind: Literal["extract"]
    fields: Annotated[tuple[FieldSpec, ...], Field(min_length=1, max_length=FIELDS_MAX)]
    examples: Annotated[tuple[Example, ...], Field(max_length=EXAMPLES_MAX)] = ()

    @model_validator(mode="before")
    @classmethod
    def _name_field_tables(cls, data: Any) -> Any:
        """Turn the tables [task.fields.NAME] into a list, whose order no database changes."""
        if not isinstance(data, dict):
            return data
        examples = {"examples": _as_written(data["examples"])} if "examples" in data else {}
        return {**data, **name_tables(data), **examples}

    @model_validator(mode="after")
    def _refuse_equal_fields(self) -> "ExtractTask":
        refuse_equal("field", [field.name for field in self.fields])
        if max(map(measure_depth, self.fields)) > DEPTH_MAX:
            raise ValueError(f"records stand at most {DEPTH_MAX - 1} deep in each other")
        if sum(1 for field in self.fields for _ in walk(field)) > FIELDS_MAX:
            raise ValueError(f"there are more than {FIELDS_MAX} fields, those of records included")
        return self

    @model_validator(mode="after")
    def _refuse_wrong_answers(self) -> "ExtractTask":
        for number, example in enumerate(self.examples, start=1):
            try:
                _check_record(self.fields, example.answer)
            except ValueError as error:
                raise ValueError(f"example {number}: {error}") from None
        return self


def _as_written(value: Any) -> Any:
    """Return a TOML value with its dates as ISO 8601, as the answers of rows have them."""
    if isinstance(value, dict):
        return {key: _as_written(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_as_written(item) for item in value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return freeze(value)


def _check_record(fields: Sequence[FieldSpec], answer: Any) -> None:
    """Raise ValueError, naming the field, if an example's answer is no record of these fields."""
    if not isinstance(answer, Mapping):
        raise ValueError("its answer should be a table {field = value}")
    unknown = set(answer) - {field.name for field in fields}
    if unknown:
        raise ValueError(f"there is no field {min(map(str, unknown))!r}")
    for field in fields:
        _check_value(field, answer.get(field.name), field.name)


def _check_value(field: FieldSpec, value: Any, place: str) -> None:
    if value is None:
        if field.required:
            raise ValueError(f"the field {place} is required and has no value")
    elif field.type == "list":
        _check_items(field, value, place)
    elif field.type == "record":
        _check_fields(field, value, place)
    elif not _is_of_type(field, value):
        raise ValueError(f"the value of the field {place} is not of the type {field.type}")


def _check_items(field: FieldSpec, value: Any, place: str) -> None:
    if not isinstance(value, list | tuple):
        raise ValueError(f"the field {place} should be a list")
    if not bool(field.required) <= len(value) <= field.max_items:
        raise ValueError(f"the field {place} has too few or too many items")
    for number, item in enumerate(value):
        _check_value(field.item, item, f"{place}[{number}]")


def _check_fields(field: FieldSpec, value: Any, place: str) -> None:
    if not isinstance(value, Mapping):
        raise ValueError(f"the field {place} should be a table")
    if set(value) - {inner.name for inner in field.fields}:
        raise ValueError(f"the field {place} holds what is none of its fields")
    for inner in field.fields:
        _check_value(inner, value.get(inner.name), f"{place}.{inner.name}")


def _is_of_type(field: FieldSpec, value: Any) -> bool:
    if field.type == "boolean":
        return isinstance(value, bool)
    if field.type == "money":
        return (
            isinstance(value, Mapping)
            and set(value) == {"amount", "currency"}
            and isinstance(value["currency"], str)
            and (isinstance(value["amount"], str) or _is_number(value["amount"]))
        )
    if field.type == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if field.type == "number":
        return _is_number(value)
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)
