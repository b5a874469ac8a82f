"""The words of an extraction: every field is described, examples take the place of samples."""

import json
from typing import Any

from jobs.spec import ExtractTask
from jobs.tasks import Extract
from tests.tasks.making import make_job, talk

FIELDS: dict[str, dict[str, Any]] = {
    "code": {"type": "string", "pattern": "[A-Z]+", "description": "the order's code"},
    "tags": {"type": "list", "items": "enum", "values": ["new", "old"], "max_items": 4},
    "lines": {
        "type": "list",
        "fields": {"item": {"type": "string"}, "price": {"type": "money", "required": False}},
    },
    "to": {"type": "record", "required": False, "fields": {"city": {"type": "string"}}},
}
EXAMPLES = (
    {
        "text": "AB: pens at $3 and cups",
        "answer": {
            "lines": [
                {"price": {"amount": 3, "currency": "USD"}, "item": "pens"},
                {"item": "cups"},
            ],
            "code": "AB",
        },
    },
    {"text": "CD to Oslo", "answer": {"code": "CD", "to": {"city": "Oslo"}}},
)


MONEY = 'amount as digits, currency as three letters ("JPY")'
LINES = '[{"item":"pens","price":{"amount":"3","currency":"USD"}},{"item":"cups","price":null}]'


def make(**more: Any) -> Extract:
    """The task of these fields."""
    return Extract(ExtractTask.model_validate({"kind": "extract", "fields": FIELDS, **more}))


def test_every_field_is_described() -> None:
    """Its type, choices, pattern and number of items, and those inside it below it."""
    lines = make().system.splitlines()
    assert lines[lines.index("Fields:") + 1 :] == [
        "- code: the order's code (words from the text, in the form [A-Z]+)",
        "- tags: (list, at most 4 items: one of new, old, [] if the text has none)",
        "- lines: (list, at most 20 items: record of the fields below, [] if the text has none)",
        "  - item: (words from the text)",
        f"  - price: ({MONEY}, or null if the text does not say)",
        "- to: (record of the fields below, or null if the text does not say)",
        "  - city: (words from the text)",
    ]


def test_japanese_words() -> None:
    """A Japanese instruction has Japanese words for all of it."""
    system = make(instruction="注文の内容を書いてください。").system
    assert "リスト（最大 4 件）: 次のどれか: new, old。文になければ []" in system
    assert "[A-Z]+ の形" in system
    assert "下の項目の組。文になければ null" in system
    assert not any(word in system for word in ("list", "record", "Text", "if the"))


def test_examples_take_the_place_of_samples() -> None:
    """In the very form of question and answer, all fields in their order; for every engine."""
    task = make(examples=EXAMPLES)
    answers = [
        '{"code":"AB","tags":[],"lines":' + LINES + ',"to":null}',
        '{"code":"CD","tags":[],"lines":[],"to":{"city":"Oslo"}}',
    ]
    shown = [
        f"Text: {example['text']}\nJSON: {answer}"
        for example, answer in zip(EXAMPLES, answers, strict=True)
    ]
    question = task.question(make_job("EF"))
    assert (task.frame.system, question.user) == (task.system, "Text: EF")
    assert question.system == "\n\n".join([task.system, *shown])
    assert task.frame.before == "\n\n".join([*shown, "Text: "])
    assert "Blue Door" in make().frame.before
    assert "Blue Door" not in make().question(make_job("EF")).system


def test_shown_answers_are_read_as_they_are() -> None:
    """What an example shows passes every check of its own task."""
    task = make(examples=EXAMPLES)
    for shot in task.examples:
        text, answer = shot.removeprefix("Text: ").split("\nJSON: ")
        reading = task.read(talk(answer), make_job(text))
        assert (reading.problem, reading.output) == (None, json.loads(answer))


def test_examples_are_shown_for_the_parts_of_a_long_text() -> None:
    """They help there, too."""
    task = make(examples=EXAMPLES)
    assert "CD to Oslo" in task.render_part(make_job("long"), "lo").frame.before
