"""The `[task]` table of an extraction."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from jobs.spec.section import Section, Words, freeze
from jobs.spec.task_section import TaskSection, refuse_equal

FieldType = Literal["string", "integer", "number", "money", "date", "boolean", "enum"]
FieldName = Annotated[str, StringConstraints(pattern=r"^\w[\w-]*$", max_length=64)]
FIELDS_NAMED: Final = "fields must be tables: [task.fields.NAME] with type = ..."


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
        refuse_equal("value", self.values)
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
        refuse_equal("field", [field.name for field in self.fields])
        return self
