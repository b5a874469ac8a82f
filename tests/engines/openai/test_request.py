"""A question as each server is asked it."""

import json

import pytest

from jobs.prompt import Question
from workers.engines.openai.request import FORMS, HELD, Form, build_body

SCHEMA = json.dumps({"type": "object", "properties": {"分類": {"enum": ["a"]}}}, ensure_ascii=False)
QUESTION = Question(7, "Sort it.", "where is it", SCHEMA, 64)


@pytest.mark.parametrize("form", FORMS)
def test_a_body_asks_for_one_sure_answer(form: Form) -> None:
    """Temperature 0, the limit of the question, one piece; no key or id of the row."""
    body = build_body("big", QUESTION, form, logprobs=True)
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("big", 0, 64)
    assert body["stream"] is False
    assert body["logprobs"] is True
    assert [turn["role"] for turn in body["messages"]] == ["system", "user"]
    assert body["messages"][1]["content"] == "where is it"
    assert json.loads(json.dumps(body)) == body


def test_each_form_carries_the_schema_in_its_own_place() -> None:
    """And where the server does not hold to it, it stands in words."""
    schema = json.loads(SCHEMA)
    bodies = {form: build_body("m", QUESTION, form, logprobs=False) for form in FORMS}
    assert bodies["json_schema"]["response_format"]["json_schema"]["schema"] == schema
    assert bodies["json_object_schema"]["response_format"]["schema"] == schema
    assert bodies["guided_json"]["guided_json"] == schema
    assert bodies["nvext"]["nvext"] == {"guided_json": schema}
    assert bodies["json_object"]["response_format"] == {"type": "json_object"}
    for form, body in bodies.items():
        system = body["messages"][0]["content"]
        assert system.startswith("Sort it.")
        assert '"分類"' in system
        assert (SCHEMA in system) == (form not in HELD)
        assert "logprobs" not in body


def test_half_a_character_becomes_a_question_mark() -> None:
    """What has no bytes in UTF-8 cannot be sent."""
    body = build_body("m", Question(1, "\ud800", "a\udfff", SCHEMA, 8), "words", logprobs=False)
    assert body["messages"][1]["content"] == "a?"
    assert body["messages"][0]["content"].startswith("?")
