"""JSON Schemas of the kinds that tasks ask for, and what it means to be valid for one."""

import math
from typing import Any

SHORT = {"type": "string", "maxLength": 12}


def record(**fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


SCHEMAS: dict[str, dict[str, Any]] = {
    "enum": record(kind={"enum": ["refund", "delivery", "配送", 'a "quoted" one']}),
    "nullable": record(name={"anyOf": [SHORT, {"type": "null"}]}, on={"type": ["null", "boolean"]}),
    "number": record(total={"type": "number", "minimum": -5, "maximum": 1000}),
    "whole": record(count={"type": "integer", "minimum": 0, "maximum": 99}),
    "list": record(points={"type": "array", "items": SHORT, "minItems": 1, "maxItems": 3}),
    "nested": record(who=record(name=SHORT, age={"type": ["integer", "null"], "maximum": 150})),
    "top": {"type": "array", "items": {"type": "boolean"}, "maxItems": 4},
}


def check(schema: dict[str, Any], value: Any) -> None:
    """Assert that a value is valid for a schema of the kinds above."""
    if "anyOf" in schema:
        schema = schema["anyOf"][value is None]
    kinds = schema.get("type", [])
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    kind = names.get(type(value), "number")
    if "enum" in schema:
        assert value in schema["enum"]
    elif "integer" in kinds and isinstance(value, int | float) and kind == "number":
        assert value == int(value)
    else:
        assert kind == kinds or kind in kinds
    if kind == "number":
        assert schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
    elif kind == "string":
        assert len(value) <= schema.get("maxLength", math.inf)
    elif kind == "array":
        assert schema.get("minItems", 0) <= len(value) <= schema["maxItems"]
        for item in value:
            check(schema["items"], item)
    elif kind == "object":
        assert set(value) == set(schema["required"])
        for name, item in value.items():
            check(schema["properties"][name], item)
