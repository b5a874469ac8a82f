"""The `[task]` table: one model for each kind of job, told apart by `kind`."""

import unicodedata
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from jobs.spec.section import Section, Words, freeze

LanguageCode = Literal["ja", "en", "de", "fr", "zh", "ko"]
FieldType = Literal["string", "integer", "number", "money", "date", "boolean", "enum"]
FieldName = Annotated[str, StringConstraints(pattern=r"^\w[\w-]*$", max_length=64)]
FIELDS_NAMED: Final = "fields must be tables: [task.fields.NAME] with type = ..."


class TaskSection(Section):
    """What every kind of job has. A text that no engine can read whole is refused, or split."""

    instruction: str = ""
    long_input: Literal["refuse", "split"] = "refuse"


class Label(Section):
    """One option of a classification."""

    name: Words
    description: str = ""
    examples: tuple[Words, ...] = ()


class ClassifyTask(TaskSection):
    """Choose one of `labels` for every row."""

    kind: Literal["classify"]
    labels: Annotated[tuple[Label, ...], Field(min_length=2, max_length=500)]

    @model_validator(mode="before")
    @classmethod
    def _name_plain_labels(cls, data: Any) -> Any:
        """Let `labels = ["a", "b"]` stand for tables with only a name."""
        if isinstance(data, dict) and isinstance(data.get("labels"), list | tuple):
            labels = [
                {"name": label} if isinstance(label, str) else label for label in data["labels"]
            ]
            return {**data, "labels": tuple(freeze(label) for label in labels)}
        return data

    @model_validator(mode="after")
    def _refuse_equal_labels(self) -> "ClassifyTask":
        _refuse_equal("label", [label.name for label in self.labels])
        return self


class FieldSpec(Section):
    """One field of the record to extract. Not `required`: null says that the text is silent.

    `values` are the choices of an enum, and belong to no other type.
    """

    name: FieldName
    type: FieldType
    description: str = ""
    required: bool = True
    values: tuple[Words, ...] = ()

    @model_validator(mode="after")
    def _refuse_wrong_values(self) -> "FieldSpec":
        if self.type != "enum" and self.values:
            raise ValueError("values belong to the type enum only")
        if self.type == "enum" and len(self.values) < 2:
            raise ValueError("an enum needs two or more values")
        _refuse_equal("value", self.values)
        return self


class ExtractTask(TaskSection):
    """Fill the same `fields`, in this order, from every row."""

    kind: Literal["extract"]
    fields: Annotated[tuple[FieldSpec, ...], Field(min_length=1, max_length=100)]

    @model_validator(mode="before")
    @classmethod
    def _name_field_tables(cls, data: Any) -> Any:
        """Turn the tables [task.fields.NAME] into a list, whose order no database changes."""
        if not isinstance(data, dict) or "fields" not in data:
            return data
        tables = data["fields"]
        if isinstance(tables, dict):
            if not all(isinstance(table, dict) for table in tables.values()):
                raise ValueError(FIELDS_NAMED)
            if any("name" in table for table in tables.values()):
                raise ValueError("a field's name stands in its table's name only")
            tables = tuple({"name": name, **table} for name, table in tables.items())
        return {**data, "fields": freeze(tables)}

    @model_validator(mode="after")
    def _refuse_equal_fields(self) -> "ExtractTask":
        _refuse_equal("field", [field.name for field in self.fields])
        return self


class TranslateTask(TaskSection):
    """Translate every row into `target_language`; `source_language` is "auto" or a hint."""

    kind: Literal["translate"]
    target_language: LanguageCode
    source_language: Words = "auto"

    @model_validator(mode="after")
    def _refuse_one_language(self) -> "TranslateTask":
        if self.source_language == self.target_language:
            raise ValueError("source_language and target_language are the same")
        return self


class SummarizeTask(TaskSection):
    """Put every row into a few points, in its own language (`auto`) or another.

    `max_sentences` and `max_chars` bound the whole summary; `focus` names what matters.
    """

    kind: Literal["summarize"]
    language: Literal["auto", "ja", "en", "de", "fr", "zh", "ko"] = "auto"
    max_sentences: Annotated[int, Field(ge=1, le=100)] | None = None
    max_chars: Annotated[int, Field(ge=10, le=100_000)] | None = None
    focus: str = ""


AnyTask = Annotated[
    ClassifyTask | ExtractTask | TranslateTask | SummarizeTask, Field(discriminator="kind")
]
TASKS: Final[dict[str, type[TaskSection]]] = {
    "classify": ClassifyTask,
    "extract": ExtractTask,
    "translate": TranslateTask,
    "summarize": SummarizeTask,
}


def _refuse_equal(noun: str, names: Iterable[str]) -> None:
    """Raise ValueError if a name is blank, or two are the same after NFKC."""
    seen: dict[str, str] = {}
    for name in names:
        plain = unicodedata.normalize("NFKC", name).strip()
        if not plain:
            raise ValueError(f"a {noun}'s name is empty")
        if plain in seen:
            raise ValueError(f"the {noun}s {seen[plain]!r} and {name!r} are the same")
        seen[plain] = name
