"""One field of an extraction: its type, what is inside it, and what its values must meet."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from jobs.spec.pattern import Pattern, compile_pattern
from jobs.spec.section import Section, Words, freeze
from jobs.spec.task_section import refuse_equal

ItemType = Literal["string", "integer", "number", "money", "date", "boolean", "enum", "record"]
FieldType = Literal[
    "string", "integer", "number", "money", "date", "boolean", "enum", "record", "list"
]
NAME_CHARS_MAX: Final = 64
NAME_UNFIT: Final = frozenset('"\\')
DEFAULT_ITEMS: Final = 20
FIELDS_NAMED: Final = "fields must be tables: [task.fields.NAME] with type = ..."


def _check_name(name: str) -> str:
    """Take any words of one line: keywords, spaces and Japanese are names, too."""
    if not 0 < len(name) <= NAME_CHARS_MAX:
        raise ValueError(f"a field's name should have 1 to {NAME_CHARS_MAX} characters")
    if name != name.strip() or not name.isprintable() or NAME_UNFIT & set(name):
        raise ValueError(
            "a field's name should not begin or end with a space, nor hold a quotation mark,"
            " a backslash or a control character"
        )
    return name


FieldName = Annotated[str, AfterValidator(_check_name)]


class FieldSpec(Section):
    """One field of the record to extract. Not `required`: null says that the text is silent.

    `values` are the choices of an enum, `pattern` is a regular expression that the whole of a
    string meets, `fields` are those of a record. A list has `items` of any other type, at most
    `max_items`, and is never null: it is empty where the text holds none, and `required` (not
    the default of a list) means one item at least.
    """

    name: FieldName
    type: FieldType
    description: str = ""
    required: bool = True
    values: tuple[Words, ...] = ()
    pattern: str | None = None
    items: ItemType | None = None
    max_items: Annotated[int, Field(ge=1, le=200)] = DEFAULT_ITEMS
    fields: tuple["FieldSpec", ...] = ()

    @property
    def kind(self) -> FieldType:
        """The type of the value, or of each item of a list."""
        return self.items if self.type == "list" and self.items else self.type

    @property
    def item(self) -> "FieldSpec":
        """What each item of a list is, as a field of its own."""
        return self.model_copy(update={"type": self.kind, "items": None, "required": True})

    @property
    def compiled(self) -> Pattern | None:
        """The pattern, ready to be matched."""
        return None if self.pattern is None else compile_pattern(self.pattern)

    @model_validator(mode="before")
    @classmethod
    def _read_tables(cls, data: Any) -> Any:
        """Fill in what follows from the rest: items of a list with fields are records."""
        if not isinstance(data, dict):
            return data
        data = {**data, **name_tables(data)}
        if data.get("type") == "list":
            data.setdefault("required", False)
            if data.get("fields"):
                data.setdefault("items", "record")
        return data

    @model_validator(mode="after")
    def _refuse_wrong_parts(self) -> "FieldSpec":
        if self.type == "list" and self.items is None:
            known = ", ".join(get_args(ItemType))
            raise ValueError(f'a list needs items = "..." (one of {known}) or fields of its own')
        if self.type != "list" and (self.items or self.max_items != DEFAULT_ITEMS):
            raise ValueError("items and max_items belong to the type list only")
        if self.kind != "enum" and self.values:
            raise ValueError("values belong to the type enum only")
        if self.kind == "enum" and len(self.values) < 2:
            raise ValueError("an enum needs two or more values")
        if self.kind != "string" and self.pattern is not None:
            raise ValueError("a pattern belongs to strings, and to lists of strings, only")
        if self.kind != "record" and self.fields:
            raise ValueError("fields belong to records, and to lists of records, only")
        if self.kind == "record" and not self.fields:
            raise ValueError("a record needs fields of its own: [task.fields.NAME.fields.PART]")
        refuse_equal("value", self.values)
        refuse_equal("field", [field.name for field in self.fields])
        if self.pattern is not None:
            compile_pattern(self.pattern)
        return self


def name_tables(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the key `fields` with its tables {NAME = {...}} as a list that names them."""
    tables = data.get("fields")
    if isinstance(tables, dict):
        if not all(isinstance(table, dict) for table in tables.values()):
            raise ValueError(FIELDS_NAMED)
        if any("name" in table for table in tables.values()):
            raise ValueError("a field's name stands in its table's name only")
        tables = tuple({"name": name, **table} for name, table in tables.items())
    return {} if tables is None else {"fields": freeze(tables)}


def walk(field: FieldSpec) -> Iterator[FieldSpec]:
    """Yield a field and those inside it."""
    yield field
    for inner in field.fields:
        yield from walk(inner)


def measure_depth(field: FieldSpec) -> int:
    """Return how many records stand in each other, counting the field itself."""
    return 1 + max(map(measure_depth, field.fields), default=0)
