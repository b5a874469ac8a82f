"""Makes an answer that is valid for a schema: the same one for the same text, every time."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

FORMATS = {
    "date": "2026-11-20",
    "date-time": "2026-11-20T09:00:00Z",
    "time": "09:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def make_answer(schema: Mapping[str, Any], text: str) -> Any:
    """Return a JSON value valid for `schema`; strings are words of the text."""
    return _make(schema, schema.get("$defs", {}), text, "$")


def _make(schema: Mapping[str, Any], defs: Mapping[str, Any], text: str, path: str) -> Any:
    if "$ref" in schema:
        return _make(defs[schema["$ref"].rpartition("/")[2]], defs, text, path)
    if "const" in schema:
        return schema["const"]
    for choices in ("enum", "anyOf"):
        if choices in schema:
            chosen = schema[choices][_number(text, path, len(schema[choices]))]
            return chosen if choices == "enum" else _make(chosen, defs, text, path)
    if schema["type"] == "object":
        return {
            name: _make(inner, defs, text, f"{path}.{name}")
            for name, inner in schema["properties"].items()
        }
    if schema["type"] == "array":
        count = max(schema.get("minItems", 0), 1 + _number(text, path, 2))
        return [_make(schema["items"], defs, text, f"{path}[{n}]") for n in range(count)]
    return _make_plain(schema, text, path)


def _make_plain(schema: Mapping[str, Any], text: str, path: str) -> Any:
    words = re.findall(r"\w+", text) or ["-"]
    return {
        "string": FORMATS.get(schema.get("format", ""), words[_number(text, path, len(words))]),
        "integer": _number(text, path, 1000),
        "number": _number(text, path, 100_000) / 100,
        "boolean": _number(text, path, 2) == 1,
        "null": None,
    }[schema["type"]]


def _number(text: str, path: str, below: int) -> int:
    content = f"{path}\0{text}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest()) % below
