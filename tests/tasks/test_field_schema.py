"""The schema of a record: closed, ordered, bounded; and what the constraint can write is read."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llguidance import LLTokenizer

from jobs.prompt import JsonText
from jobs.spec import ExtractTask
from jobs.tasks import Extract
from tests.tasks.making import make_job, write
from workers.engines.llama.constraint import Grammar

BYTES = LLTokenizer("byte")
END, SIZE = 261, 262
FIELDS: dict[str, dict[str, Any]] = {
    "null": {"type": "string", "required": False},
    "$ref": {"type": "list", "items": "string", "pattern": "[A-Z]{2}-[0-9]{1,3}", "max_items": 2},
    "properties": {"type": "list", "items": "enum", "values": ["高", "low"], "required": True},
    "__proto__": {"type": "record", "required": False, "fields": {"type": {"type": "money"}}},
    "a b": {"type": "list", "fields": {"class": {"type": "date"}, "納期": {"type": "integer"}}},
    "items": {"type": "list", "items": "number"},
    "required": {"type": "boolean"},
}


def make(fields: dict[str, dict[str, Any]]) -> Extract:
    """The task of these fields."""
    return Extract(ExtractTask.model_validate({"kind": "extract", "fields": fields}))


def schema_of(task: Extract, *, bounds: bool) -> dict[str, Any]:
    """The schema of the prompt, or that of the question."""
    text = task.constraint.schema if bounds else task.schema
    schema: dict[str, Any] = json.loads(text)["properties"]
    return schema


def scribble(schema: str, seed: int, most: int = 1500) -> str | None:
    """Write against a model of random wishes; None if it does not end."""
    matcher = Grammar(BYTES, schema).start()
    chance = np.random.default_rng(seed)
    content = b""
    for _ in range(most):
        logits = chance.standard_normal(SIZE).astype(np.float32)
        logits[[*b']}",']] += 3.0  # else strings and lists hardly ever end
        token = matcher.choose(logits, int(logits.argmax()))
        if token == END:
            return content.decode()
        content += matcher.spell(token)
        if matcher.finished:
            return content.decode()
    return None


@given(seed=st.integers(0, 10_000))
def test_whatever_the_constraint_lets_through_is_read(seed: int) -> None:
    """Every answer that is valid for the schema is a record: found or not, but never half."""
    task = make(FIELDS)
    assert isinstance(task.constraint, JsonText)
    answer = scribble(task.constraint.schema, seed)
    if answer is None:
        return
    reading = task.read(write(answer, -0.1), make_job("高 AB-1"))
    assert reading.output is not None
    assert list(reading.output) == list(FIELDS)
    assert reading.problem not in {"answer_not_json", "answer_off_schema", "value_off_pattern"}


def test_lists_are_bounded() -> None:
    """One more than may be, so that a list that is cut off there is seen; one where it must be."""
    schema = schema_of(make(FIELDS), bounds=True)
    assert (schema["$ref"]["maxItems"], "minItems" in schema["$ref"]) == (3, False)
    assert (schema["properties"]["minItems"], schema["properties"]["maxItems"]) == (1, 21)
    assert schema["$ref"]["items"]["pattern"] == "^(?:[A-Z]{2}-[0-9]{1,3})$"
    assert schema["items"]["items"] == {"type": "number", "minimum": -(10**15), "maximum": 10**15}


def test_an_engine_that_only_talks_gets_no_bounds() -> None:
    """Patterns and numbers of items are checked when its answer is read."""
    text = make(FIELDS).schema
    assert not any(word in text for word in ('"pattern"', '"maxItems"', '"minimum"'))
    assert schema_of(make(FIELDS), bounds=False)["properties"]["minItems"] == 1


def test_records_are_closed_at_every_depth() -> None:
    """Each has all of its fields in their order and no others; null only where it is allowed."""
    schema = schema_of(make(FIELDS), bounds=True)
    record, null = schema["__proto__"]["anyOf"]
    assert null == {"type": "null"}
    line = schema["a b"]["items"]
    for closed in (record, line):
        assert closed["additionalProperties"] is False
        assert closed["required"] == list(closed["properties"])
    assert list(line["properties"]) == ["class", "納期"]


@pytest.mark.parametrize(
    ("fields", "least", "most"),
    [
        ({"a": {"type": "string"}}, 96, 128),
        ({"a": {"type": "list", "items": "string"}}, 128, 192),
        ({f"f{n}": {"type": "list", "items": "string"} for n in range(8)}, 500, 768),
        ({"a": {"type": "list", "items": "date", "max_items": 1}}, 20, 64),
        ({f"f{n}": {"type": "list", "items": "money"} for n in range(99)}, 4096, 4096),
    ],
)
def test_an_answer_has_a_length(fields: dict[str, Any], least: int, most: int) -> None:
    """Enough for usual lists, and never more than an engine's context can hold beside a text."""
    assert least <= make(fields).constraint.max_tokens <= most
