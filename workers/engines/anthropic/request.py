"""Turns a question into the body of a request: closed schema, as little thinking as allowed."""

import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import anthropic
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

from jobs.errors import SpecError
from jobs.prompt import Question

THINKING_OFF: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "claude-haiku-5-5": {"type": "disabled"},
        "claude-opus-5": {"type": "disabled"},
        "claude-sonnet-5": {"type": "disabled"},
        "claude-sonnet-5-5": {"type": "between_tools"},  # and there are no tools
    }
)
"""How a model that thinks by default is told not to; it must be at effort `high` or below."""

SILENT: Final = ("claude-haiku-4-", "claude-sonnet-4-", "claude-opus-4-")
"""Models that think only when asked to."""

THINKING_ROOM_TOKENS: Final = 4_096
"""Added to the limit of the others: thinking counts as output, and must not cut the answer."""


def max_output_tokens(model: str, question: Question) -> int:
    """Return the `max_tokens` to ask for: the answer's limit, and room to think where it must."""
    room = 0 if _thinks_not(model) else THINKING_ROOM_TOKENS
    return question.max_tokens + room


def build_request(model: str, question: Question) -> MessageCreateParamsNonStreaming:
    """Return the arguments of `messages.create`.

    Raises SpecError `cloud_schema_unfit` for a schema that the API cannot hold an answer to.
    """
    request: dict[str, Any] = {
        "model": model,
        "max_tokens": max_output_tokens(model, question),
        "system": _clean(question.system),
        "messages": [{"role": "user", "content": _clean(question.user)}],
        "output_config": {
            "format": {"type": "json_schema", "schema": close_schema(question.schema)}
        },
        # Never capacity bought in advance: its price is not in the price list.
        "service_tier": "standard_only",
    }
    if not question.system:
        del request["system"]
    thinking = THINKING_OFF.get(_undated(model))
    if thinking is not None:
        request["thinking"] = dict(thinking)
    return request  # type: ignore[return-value] # built key by key


@lru_cache(maxsize=64)
def close_schema(schema: str) -> dict[str, Any]:
    """Return a schema (JSON text) as the API takes it; equal for all rows of a spec.

    Objects are closed; limits it does not enforce stand in descriptions as words, and the task
    checks them when it reads the answer. Raises SpecError `cloud_schema_unfit`.
    """
    try:
        return anthropic.transform_schema(_prepare(json.loads(schema)))
    except (ValueError, TypeError, AssertionError, AttributeError) as error:
        problem = str(error) if isinstance(error, _UnfitError) else "it is no JSON Schema"
    raise SpecError("cloud_schema_unfit", problem=problem)


class _UnfitError(ValueError):
    """A schema the API has no form for."""


def _prepare(schema: Any) -> Any:
    """Write lists of types as alternatives, and refuse maps: closed, they could hold nothing."""
    if not isinstance(schema, dict):
        return schema
    kinds, open_to = schema.get("type"), schema.get("additionalProperties", False)
    if isinstance(kinds, list) and "enum" not in schema:
        shared = {key: schema[key] for key in ("description", "title") if key in schema}
        rest = {key: value for key, value in schema.items() if key not in ("type", *shared)}
        kept = [{"type": "null"} if kind == "null" else {**rest, "type": kind} for kind in kinds]
        return {"anyOf": [_prepare(item) for item in kept], **shared}
    if kinds == "object" and (isinstance(open_to, dict) or "patternProperties" in schema):
        raise _UnfitError("an object whose keys are not listed; use a list of records")
    return {key: _prepare_inside(key, value) for key, value in schema.items()}


def _prepare_inside(key: str, value: Any) -> Any:
    """Prepare the schemas a keyword holds; other keywords hold plain data."""
    if key in ("properties", "$defs") and isinstance(value, dict):
        return {name: _prepare(schema) for name, schema in value.items()}
    if key in ("anyOf", "oneOf", "allOf") and isinstance(value, list):
        return [_prepare(schema) for schema in value]
    return _prepare(value) if key == "items" else value


def _clean(text: str) -> str:
    """Return a text that can be written in UTF-8; what cannot becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _undated(model: str) -> str:
    name, _, date = model.rpartition("-")
    return name if len(date) == 8 and date.isdigit() else model


def _thinks_not(model: str) -> bool:
    return _undated(model) in THINKING_OFF or model.startswith(SILENT)
