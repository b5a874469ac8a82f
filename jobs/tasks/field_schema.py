"""The JSON Schema of an extracted record, and how long such a record may be."""

from collections.abc import Sequence
from typing import Any, Final

from jobs.spec import FieldSpec
from jobs.tasks.answers import bound_tokens, closed_object, compact_json

AMOUNT_PATTERN: Final = r"^-?[0-9]{1,15}(\.[0-9]{1,4})?$"
DATE_PATTERN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
CURRENCY_PATTERN: Final = r"^[A-Z]{3}$"
LARGEST: Final = 10**15
"""Numbers are written out up to this: no exponents, and no row of digits without an end."""
TOKENS: Final = {"string": 96, "money": 48, "enum": 48}
OTHER_TOKENS: Final = 24
ITEM_TOKENS: Final = {"string": 16, "money": 32}
OTHER_ITEM_TOKENS: Final = 12
USUAL_ITEMS: Final = 8
"""How many items of a list an answer has room for at least; more if they are short."""
LONG_LISTS: Final = 4
SHORT: Final = 3
"""Beside so many long lists the others have room for a third of that."""


def build_schema(fields: Sequence[FieldSpec], *, bounds: bool) -> str:
    """Return the schema of the record; `bounds` also limits what each value may be written as."""
    return compact_json(_record(fields, bounds=bounds))


def limit_tokens(fields: Sequence[FieldSpec]) -> int:
    """Return how many tokens an answer may have; of many lists most are short or empty."""
    plain = sum(_estimate(field) for field in fields if field.type != "list")
    lists = sorted((_estimate(field) for field in fields if field.type == "list"), reverse=True)
    return bound_tokens(plain + sum(lists[:LONG_LISTS]) + sum(lists[LONG_LISTS:]) / SHORT)


def _record(fields: Sequence[FieldSpec], *, bounds: bool) -> dict[str, Any]:
    return closed_object({field.name: _field(field, bounds=bounds) for field in fields})


def _field(field: FieldSpec, *, bounds: bool) -> dict[str, Any]:
    if field.type == "list":
        return _list(field, bounds=bounds)
    schema = _value(field, bounds=bounds)
    return schema if field.required else {"anyOf": [schema, {"type": "null"}]}


def _list(field: FieldSpec, *, bounds: bool) -> dict[str, Any]:
    """Let a list have one item more than it should: an answer that has it is seen as too long."""
    schema: dict[str, Any] = {"type": "array", "items": _value(field.item, bounds=bounds)}
    if field.required:
        schema["minItems"] = 1
    return {**schema, "maxItems": field.max_items + 1} if bounds else schema


def _value(field: FieldSpec, *, bounds: bool) -> dict[str, Any]:
    if field.type == "record":
        return _record(field.fields, bounds=bounds)
    if field.type == "enum":
        return {"enum": list(field.values)}
    if field.type == "money":
        parts = {"amount": AMOUNT_PATTERN, "currency": CURRENCY_PATTERN}
        return closed_object({name: _text(parts[name] if bounds else None) for name in parts})
    if field.type in ("date", "string"):
        pattern = DATE_PATTERN if field.type == "date" else _own_pattern(field)
        return _text(pattern if bounds else None)
    if field.type in ("integer", "number") and bounds:
        return {"type": field.type, "minimum": -LARGEST, "maximum": LARGEST}
    return {"type": field.type}


def _own_pattern(field: FieldSpec) -> str | None:
    return None if field.compiled is None else field.compiled.schema_form


def _text(pattern: str | None) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern} if pattern else {"type": "string"}


def _estimate(field: FieldSpec) -> int:
    head = len(field.name.encode()) + 8
    if field.type == "record":
        return head + sum(_estimate(inner) for inner in field.fields)
    if field.type != "list":
        return head + TOKENS.get(field.type, OTHER_TOKENS)
    items = min(field.max_items, USUAL_ITEMS)
    if field.kind == "record":
        return head + items * sum(_estimate_item(inner) for inner in field.fields)
    return head + items * ITEM_TOKENS.get(field.kind, OTHER_ITEM_TOKENS)


def _estimate_item(field: FieldSpec) -> int:
    """The items of one list are mostly short."""
    if field.fields:
        return 8 + sum(map(_estimate_item, field.fields))
    return len(field.name.encode()) // 2 + 4 + ITEM_TOKENS.get(field.kind, OTHER_ITEM_TOKENS)
