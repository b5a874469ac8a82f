"""What the API takes: what it would answer with a 400 or 404 is answered so here too."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.standin.invoice import LIST

VERSION = "2026-10-21"
KEYS = {
    "model",
    "max_tokens",
    "messages",
    "system",
    "output_config",
    "thinking",
    "service_tier",
    "metadata",
    "stop_sequences",
}
SCHEMA_KEYS = {
    "$defs",
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "description",
    "enum",
    "format",
    "items",
    "minItems",
    "properties",
    "required",
    "title",
    "type",
}
THINKING = {
    "claude-haiku-5-5": {"adaptive", "disabled"},
    "claude-haiku-4-5": {"enabled", "disabled"},
    "claude-sonnet-5-5": {"adaptive", "between_tools"},
    "claude-opus-5-5": {"adaptive"},
    "claude-fable-5-2": {"adaptive"},
}
SILENT = {"claude-haiku-4-5"}


def thinks(body: Mapping[str, Any]) -> bool:
    """Say whether a model thinks before it answers this request."""
    kind = body.get("thinking", {}).get("type")
    return kind in ("adaptive", "enabled") or (kind is None and body["model"] not in SILENT)


def find_problem(body: Any, version: str | None) -> tuple[int, str] | None:
    """Return status and words for a request the API would not take; the words quote nothing."""
    if not isinstance(body, dict):
        return 400, "the body is no object"
    if body.get("model") not in LIST:
        return 404, "model"
    problem = next(_find_problems(body, version), None)
    return None if problem is None else (400, problem)


def _find_problems(body: Mapping[str, Any], version: str | None) -> Iterator[str]:
    if version != VERSION:
        yield "anthropic-version"
    if unknown := sorted(set(body) - KEYS):
        yield f"{unknown[0]}: extra inputs are not permitted"
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        yield "max_tokens"
    if not isinstance(body.get("system", "-"), str) or not body.get("system", "-"):
        yield "system"
    yield from _find_message_problems(body.get("messages"))
    kind = body.get("thinking", {}).get("type")
    if kind is not None and kind not in THINKING[body["model"]]:
        yield f"thinking.type.{kind} is not supported for this model"
    form = body.get("output_config", {}).get("format")
    if form is not None:
        yield from _find_schema_problems(form.get("schema", {}))


def _find_message_problems(messages: Any) -> Iterator[str]:
    if not isinstance(messages, list) or not messages:
        yield "messages"
        return
    for message in messages:
        if set(message) != {"role", "content"} or not isinstance(message["content"], str):
            yield "messages: only plain text is understood here"
        elif not message["content"].strip():
            yield "messages: text content blocks must be non-empty"
    if messages[-1]["role"] != "user":
        yield "messages: prefilling is not supported"


def _find_schema_problems(schema: Any) -> Iterator[str]:
    if not isinstance(schema, dict):
        yield "schema: not an object"
        return
    if unknown := sorted(set(schema) - SCHEMA_KEYS):
        yield f"schema: {unknown[0]} is not supported"
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        yield "schema: additionalProperties must be false"
    if isinstance(schema.get("type"), list):
        yield "schema: a list of types is not supported"
    if not {"type", "enum", "const", "anyOf", "allOf", "$ref"} & set(schema):
        yield "schema: no type"
    if schema.get("minItems", 0) > 1:
        yield "schema: minItems above 1 is not supported"
    for inner in (*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()):
        yield from _find_schema_problems(inner)
    for inner in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from _find_schema_problems(inner)
    if "items" in schema:
        yield from _find_schema_problems(schema["items"])
