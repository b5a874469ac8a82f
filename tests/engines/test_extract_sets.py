"""Extraction with the real model on labelled rows: whatever it says has its form."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.prompt import Completion
from jobs.spec import ExtractTask
from jobs.tasks import Extract
from tests.engines.conformance import ask
from tests.engines.schemas import check
from tests.tasks.making import make_job
from workers.engines.llama import LlamaEngine

DATA = Path(os.environ.get("SEKISHO_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
LISTS = ("en_wnut17_ner", "ja_asdc_request_spans", "ja_wikipedia_ner")
ROWS = 8
pytestmark = [
    pytest.mark.integration,
    pytest.mark.heavy,
    pytest.mark.skipif(not DATA.is_dir(), reason="no labelled data beside the project"),
]


def read_set(name: str) -> list[dict[str, Any]]:
    """The rows of a set."""
    lines = (DATA / f"ext_{name}_dev.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def describe_fields(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A field for each name of the set, as its values are: one or none, or a list."""
    names = sorted({name for row in rows for name in row["fields"]})
    one = any(not isinstance(value, list) for row in rows for value in row["fields"].values())
    plain = {"type": "string", "required": False} if one else {"type": "list", "items": "string"}
    return {name: dict(plain) for name in names}


def show(row: dict[str, Any]) -> dict[str, Any]:
    """A labelled row as an example."""
    answer = {name: value for name, value in row["fields"].items() if value}
    return {"text": row["text"], "answer": answer}


@pytest.mark.parametrize(
    "name", ["en_restaurant8k", *(pytest.param(name, marks=pytest.mark.slow) for name in LISTS)]
)
def test_every_answer_has_its_form(name: str, llama: LlamaEngine) -> None:
    """With and without examples: valid for its schema and read whole, or marked as cut."""
    rows = read_set(name)
    fields, shown = describe_fields(rows), [show(row) for row in rows[-4:]]
    for examples in ((), shown):
        data = {"kind": "extract", "fields": fields, "examples": examples}
        task = Extract(ExtractTask.model_validate(data))
        schema = json.loads(task.constraint.schema)
        texts = {number: row["text"] for number, row in enumerate(rows[:ROWS])}
        answers = ask(llama, [task.render(make_numbered(*one)) for one in texts.items()])
        assert answers.keys() == texts.keys()
        for number, answer in answers.items():
            check_answer(task, schema, answer, texts[number])


def make_numbered(number: int, text: str) -> Any:
    """A row with a number of its own."""
    return replace(make_job(text), job_id=number)


def check_answer(task: Extract, schema: dict[str, Any], answer: Completion, text: str) -> None:
    """Assert that an answer is a record with a confidence, or none at all."""
    reading = task.read(answer, make_job(text))
    if answer.error is not None:
        assert (reading.output, reading.problem) == (None, answer.error)
        return
    if answer.finish != "stop":
        assert (reading.output, reading.problem) in ((None, "answer_cut"), (None, "answer_repeats"))
        return
    check(schema, json.loads(answer.text or ""))
    assert reading.output is not None
    assert list(reading.output) == [field.name for field in task.fields]
    assert reading.confidence is not None
    assert 0 <= reading.confidence <= 1
    for name, value in (reading.fields or {}).items():
        assert value.confidence is not None, name
