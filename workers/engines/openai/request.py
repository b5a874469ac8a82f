"""Turns a question into the body of a request, in the form a server takes a schema in. Pure."""

import json
from functools import lru_cache
from typing import Any, Final, Literal

from jobs.prompt import Question

Form = Literal["json_schema", "json_object_schema", "guided_json", "nvext", "json_object", "words"]
"""How a server is told the schema. `json_object` and `words` hold it to no schema at all, so that
it stands in the system turn; the task checks every answer in any case."""

FORMS: Final[tuple[Form, ...]] = (
    "json_schema",
    "json_object_schema",
    "guided_json",
    "nvext",
    "json_object",
    "words",
)
"""In the order in which they are tried."""
HELD: Final = frozenset({"json_schema", "json_object_schema", "guided_json", "nvext"})
"""Forms in which the server itself keeps the answer to the schema."""
TOLD: Final = (
    "Answer with one JSON object and nothing else, no explanation and no code fence. "
    "It must be valid for this JSON Schema:\n"
)
SHOWN: Final = "Answer with JSON in one line: "
"""Where the server keeps to the schema, names are enough for the model to see what it writes."""


def build_body(model: str, question: Question, form: Form, *, logprobs: bool) -> dict[str, Any]:
    """Return the body of a chat completion: temperature 0, not streamed."""
    told = SHOWN + _show_names(question.schema) if form in HELD else TOLD + question.schema
    system = f"{question.system}\n\n{told}" if question.system else told
    messages = [
        {"role": "system", "content": _clean(system)},
        {"role": "user", "content": _clean(question.user)},
    ]
    body: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "temperature": 0,
        "max_tokens": question.max_tokens,
        "stream": False,
        **_ask_form(form, question.schema),
    }
    if logprobs:
        body |= {"logprobs": True, "top_logprobs": 1}
    return body


@lru_cache(maxsize=64)
def _read_schema(schema: str) -> Any:
    return json.loads(schema)


def _show_names(schema: str) -> str:
    """Return the names of an answer's members, in the form of JSON."""
    names = _read_schema(schema).get("properties", {})
    return "{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: ..." for name in names) + "}"


def _ask_form(form: Form, schema: str) -> dict[str, Any]:
    if form == "json_schema":
        named = {"name": "answer", "strict": True, "schema": _read_schema(schema)}
        return {"response_format": {"type": "json_schema", "json_schema": named}}
    if form == "json_object_schema":
        return {"response_format": {"type": "json_object", "schema": _read_schema(schema)}}
    if form == "guided_json":
        return {"guided_json": _read_schema(schema)}
    if form == "nvext":
        return {"nvext": {"guided_json": _read_schema(schema)}}
    return {"response_format": {"type": "json_object"}} if form == "json_object" else {}


def _clean(text: str) -> str:
    """Return a text that can be written in UTF-8; what cannot becomes a question mark."""
    return text.encode("utf-8", "replace").decode()
