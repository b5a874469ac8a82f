"""Lists and records: every item and part has its own place, confidence and problem."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.spec import ExtractTask
from jobs.tasks import Extract, Part, Reading
from tests.tasks.making import ANY_TEXT, completions, make_job, talk, write, write_bytes

FIELDS: dict[str, dict[str, Any]] = {
    "tags": {"type": "list", "items": "string", "max_items": 3},
    "lines": {
        "type": "list",
        "fields": {
            "item": {"type": "string"},
            "count": {"type": "integer", "required": False},
            "price": {"type": "money", "required": False},
        },
    },
    "to": {
        "type": "record",
        "required": False,
        "fields": {"city": {"type": "string"}, "days": {"type": "list", "items": "date"}},
    },
}
TASK = Extract(ExtractTask.model_validate({"kind": "extract", "fields": FIELDS}))
TEXT = (
    "urgent: 2 pens at $3, 2 cups at $4, to Oslo on May 3, 2024 or 2024年5月4日."
    " Not urgent for Rome."
)
NOWHERE: dict[str, Any] = {"tags": [], "lines": [], "to": None}


def line(item: str, count: int | None = None, amount: str | None = None) -> dict[str, Any]:
    """A record of the list `lines`."""
    price = None if amount is None else {"amount": amount, "currency": "USD"}
    return {"item": item, "count": count, "price": price}


def read(text: str = TEXT, **values: Any) -> Reading:
    """The reading of an answer that has these fields and nothing else."""
    return TASK.read(talk({**NOWHERE, **values}), make_job(text))


def shown(span: Any, text: str = TEXT) -> Any:
    """Spans as the words that stand there."""
    if isinstance(span, dict):
        return {name: shown(one, text) for name, one in span.items()}
    if isinstance(span, tuple) and span and isinstance(span[0], int):
        return text[slice(*span)]
    return [shown(one, text) for one in span] if isinstance(span, tuple) else span


def test_every_item_has_its_place() -> None:
    """Spans have the form of the value; each item is looked for behind the one before."""
    reading = read(
        tags=["urgent"],
        lines=[line("pens", 2, "3"), line("cups", 2, "4")],
        to={"city": "Oslo", "days": ["2024-05-03", "2024-05-04"]},
    )
    assert reading.problem is None
    assert reading.fields is not None
    assert shown(reading.fields["lines"].span) == [
        {"item": "pens", "count": None, "price": "$3"}
        | {"count": TEXT[slice(*reading.fields["lines"].span[0]["count"])]},
        {"item": "cups", "count": "2", "price": "$4"},
    ]
    first, second = (one["count"] for one in reading.fields["lines"].span)
    assert first < second
    days = ["May 3, 2024", "2024年5月4日"]
    assert shown(reading.fields["to"].span) == {"city": "Oslo", "days": days}
    assert reading.output is not None
    assert reading.output["to"]["days"] == ["2024-05-03", "2024-05-04"]


def test_what_stands_in_one_place_is_one_item() -> None:
    """As often as the text has an item, so often it may be in the list; the rest is counted."""
    reading = read(tags=["urgent", "Urgent", "urgent", "urgent"])
    assert reading.output is not None
    assert reading.fields is not None
    assert reading.output["tags"] == ["urgent", "Urgent"]
    assert reading.fields["tags"].span == ((0, 6), (77, 83))
    assert reading.signals["fields"]["tags"]["repeated"] == 2
    twice = read(lines=[line("pens", 2, "3"), line("pens", 2, "3")])
    assert twice.output is not None
    assert len(twice.output["lines"]) == 1


@pytest.mark.parametrize(
    ("values", "problem", "place"),
    [
        ({"tags": ["urgent", "cheap"]}, "value_not_grounded", "tags[1]"),
        ({"tags": [" "]}, "value_missing", "tags[0]"),
        ({"tags": ["urgent", "pens", "cups", "Oslo"]}, "too_many_items", "tags"),
        ({"lines": [line("pens"), line("cups", 9)]}, "value_not_grounded", "lines[1].count"),
        ({"lines": [line("pens", 2, "x")]}, "value_off_type", "lines[0].price"),
        ({"to": {"city": "Bern", "days": []}}, "value_not_grounded", "to.city"),
        ({"to": {"city": "Oslo", "days": ["2024-05-05"]}}, "value_not_grounded", "to.days[0]"),
        ({"to": {"city": None, "days": []}}, "value_missing", "to.city"),
    ],
)
def test_the_place_of_what_failed_is_named(values: Any, problem: str, place: str) -> None:
    """The row's problem is the first one, with the way to it; the value is kept."""
    reading = read(**values)
    assert (reading.problem, reading.problem_at) == (problem, place)
    assert reading.output is not None


@pytest.mark.parametrize(
    "values",
    [
        {"tags": None},
        {"tags": "urgent"},
        {"tags": [None]},
        {"tags": [["urgent"]]},
        {"lines": [{"item": "pens"}]},
        {"lines": [{**line("pens"), "more": 1}]},
        {"lines": [None]},
        {"lines": {}},
        {"to": []},
        {"to": {"city": "Oslo", "days": None}},
        {"to": {"city": "Oslo"}},
    ],
)
def test_what_has_another_form_is_no_answer(values: Any) -> None:
    """No null for a list or an item of one, no part of a record left out or put in."""
    reading = read(**values)
    assert (reading.problem, reading.output) == ("answer_off_schema", None)


def test_nothing_is_an_answer() -> None:
    """An empty list and a null record say that the text is silent."""
    reading = read()
    assert (reading.problem, reading.output) == (None, NOWHERE)


def test_a_required_list_has_an_item() -> None:
    """Where the spec says so."""
    fields = {"tags": {**FIELDS["tags"], "required": True}}
    task = Extract(ExtractTask.model_validate({"kind": "extract", "fields": fields}))
    reading = task.read(talk({"tags": []}), make_job(TEXT))
    assert (reading.problem, reading.problem_at) == ("value_missing", "tags")


ANSWER = json.dumps(
    {
        "tags": ["urgent"],
        "lines": [line("pens", 2, "3"), line("cups", None, "4")],
        "to": {"city": "Oslo", "days": []},
    }
)
LOW = {"urgent": -0.5, "pens": -0.25, '"4"': -3.0, "null": -2.0, "[]": -1.0, '"item"': -9.0}


@pytest.mark.parametrize("asked", ["prompt", "question"])
def test_each_part_is_as_sure_as_its_own_tokens(asked: Any) -> None:
    """Names and brackets count for nothing; a list is as sure as its least sure item.

    The same for the prompt and for a question whose answer comes with its tokens.
    """
    reading = TASK.read(replace(write_bytes(ANSWER, LOW), asked=asked), make_job(TEXT))
    assert reading.problem is None
    assert reading.fields is not None
    tags, lines, to = reading.fields.values()
    assert tags.confidence == pytest.approx(math.exp(-0.5))
    assert lines.confidence == reading.confidence == pytest.approx(math.exp(-3))
    assert to.confidence == pytest.approx(math.exp(-1))
    assert isinstance(lines.inner, tuple)
    assert [one.confidence for one in lines.inner] == pytest.approx([math.exp(-0.25), math.exp(-3)])
    assert isinstance(lines.inner[1].inner, dict)
    parts = {name: one.confidence for name, one in lines.inner[1].inner.items()}
    assert parts == pytest.approx({"item": 1, "count": math.exp(-2), "price": math.exp(-3)})
    assert reading.confidence_source == "token_logprobs"


def recompute(signals: Any) -> float:
    """The least log-probability of a field's signals, from the innermost ones alone."""
    inner = [*signals.get("items", ()), *signals.get("fields", {}).values()]
    return min(map(recompute, inner)) if inner else float(signals["min"])


def test_a_confidence_is_recomputable_from_its_signals() -> None:
    """Of each field, and of the row."""
    reading = TASK.read(write_bytes(ANSWER, LOW), make_job(TEXT))
    assert reading.fields is not None
    for name, field in reading.fields.items():
        signals = reading.signals["fields"][name]
        assert field.confidence == pytest.approx(math.exp(signals["min"]))
        assert signals["min"] == recompute(signals)


def test_one_unknown_item_leaves_the_list_unknown() -> None:
    """An item without tokens is never taken for a sure one."""
    half = replace(write(ANSWER[:40], -0.1, -0.1), text=ANSWER)
    reading = TASK.read(half, make_job(TEXT))
    assert reading.fields is not None
    assert reading.fields["tags"].confidence is not None
    assert (reading.fields["lines"].confidence, reading.confidence) == (None, None)
    assert reading.confidence_source == "none"


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
LINE = st.fixed_dictionaries(
    {
        "item": st.sampled_from(["pens", "urgent", ""]) | VALUE,
        "count": st.sampled_from([2, None]) | VALUE,
        "price": st.none() | st.fixed_dictionaries({"amount": VALUE, "currency": VALUE}),
    }
)
RECORD = st.fixed_dictionaries(
    {
        "tags": st.lists(st.sampled_from(["urgent", "pens", "cheap"]) | ANY_TEXT) | VALUE,
        "lines": st.lists(LINE, max_size=4) | VALUE,
        "to": st.none()
        | st.fixed_dictionaries({"city": st.just("Oslo") | VALUE, "days": st.lists(VALUE)})
        | VALUE,
    }
)


@given(record=RECORD | VALUE, tokens=completions(ANY_TEXT))
def test_any_json_is_read(record: Any, tokens: Any) -> None:
    """A sound record is in its form; everything else has a problem, and nothing raises."""
    completion = replace(tokens, text=json.dumps(record), finish="stop")
    reading = TASK.read(completion, make_job(TEXT))
    merged = TASK.merge([Part(TEXT, 0, completion), Part(TEXT, 0, completion)], make_job(TEXT))
    for one in (reading, merged):
        assert one.problem is not None or one.output is not None
        assert one.confidence is None or 0 <= one.confidence <= 1
        assert one.output is None or (list(one.output) == list(FIELDS))
    if reading.problem is None:
        assert reading.output is not None
        assert len(reading.output["tags"]) <= 3


def merge(*answers: tuple[str, Any]) -> Reading:
    """The reading of a long row from the answers to its parts."""
    whole = " ".join(text for text, _ in answers)
    parts, at = [], 0
    for text, values in answers:
        completion = write_bytes(json.dumps({**NOWHERE, **values}), {})
        parts.append(Part(text, at, completion))
        at += len(text) + 1
    return TASK.merge(parts, make_job(whole))


def test_lists_of_parts_are_joined() -> None:
    """In the text's order, with the places of the whole text; an item is there once per place."""
    reading = merge(
        ("Pens, urgent.", {"tags": ["urgent", "cups"], "lines": [line("Pens")]}),
        ("No cups, urgent.", {"tags": ["urgent", "cups"]}),
    )
    assert reading.output is not None
    assert reading.fields is not None
    assert reading.problem is None
    assert reading.output["tags"] == ["urgent", "cups", "urgent"]
    assert reading.fields["tags"].span == ((6, 12), (17, 21), (23, 29))
    assert reading.output["lines"] == [line("Pens")]


def test_a_record_of_parts_takes_each_field_by_itself() -> None:
    """One part knows the town, another the days; a part that says null knows nothing."""
    reading = merge(
        ("To Oslo, yes.", {"to": {"city": "Oslo", "days": []}}),
        ("Nothing here.", {}),
        ("On 2024-05-03.", {"to": {"city": None, "days": ["2024-05-03"]}}),
    )
    assert reading.output is not None
    assert (reading.problem, reading.output["to"]) == (
        None,
        {"city": "Oslo", "days": ["2024-05-03"]},
    )
    assert reading.fields is not None
    assert reading.fields["to"].span == {"city": (3, 7), "days": ((31, 41),)}
    silent = merge(("Nothing.", {}), ("Nothing.", {}))
    assert (silent.problem, silent.output) == (None, NOWHERE)


def test_too_many_items_together() -> None:
    """The limit is that of the row."""
    reading = merge(("a b", {"tags": ["a", "b"]}), ("c d", {"tags": ["c", "d"]}))
    assert (reading.problem, reading.problem_at) == ("too_many_items", "tags")
    assert reading.output is not None
    assert reading.output["tags"] == ["a", "b", "c", "d"]


def test_an_unsure_empty_list_makes_the_whole_unsure() -> None:
    """What one part may have overlooked is missing in the whole list."""
    parts = [
        Part("urgent", 0, write_bytes(json.dumps({**NOWHERE, "tags": ["urgent"]}), {})),
        Part("more", 7, write_bytes(json.dumps(NOWHERE), {"[]": -2.0})),
    ]
    reading = TASK.merge(parts, make_job("urgent more"))
    assert reading.fields is not None
    assert reading.fields["tags"].confidence == pytest.approx(math.exp(-2))
    assert reading.signals["fields"]["tags"]["min"] == -2.0
