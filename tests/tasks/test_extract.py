"""Extract: every value has its form, its place in the text, its own confidence and problem."""

import json
import math
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import JsonText
from jobs.spec import ExtractTask, FieldSpec, FieldType
from jobs.tasks import Extract
from jobs.tasks.folding import fold
from tests.tasks.making import ANY_TEXT, completions, make_job, talk, write, write_bytes

TASK = ExtractTask(
    kind="extract",
    fields=(
        FieldSpec(name="vendor", type="string", description="who sends it"),
        FieldSpec(name="day", type="date"),
        FieldSpec(name="total", type="money"),
        FieldSpec(name="paid", type="boolean", required=False),
    ),
)
TEXT = "請求書　みなと印刷\n令和８年２月５日\n合計 ３３，０００円"
RECORD = {
    "vendor": "みなと印刷",
    "day": "2026-02-05",
    "total": {"amount": "33000", "currency": "JPY"},
    "paid": None,
}


def extract_one(kind: FieldType, value: Any, text: str, **more: Any) -> tuple[Any, str | None]:
    """Return the settled value and the problem of a record of one field."""
    task = Extract(ExtractTask(kind="extract", fields=(FieldSpec(name="x", type=kind, **more),)))
    reading = task.read(talk({"x": value}), make_job(text))
    return (reading.output or {}).get("x"), reading.problem


def test_the_prompt_asks_for_the_fields_in_order() -> None:
    """The frame describes every field; the schema is closed, ordered, and null where allowed."""
    task = Extract(TASK)
    prompt = task.render(make_job(TEXT))
    assert (prompt.key, prompt.text, prompt.frame) == (7, TEXT, task.frame)
    assert task.frame.answer_start.endswith(" ")
    assert "- vendor: who sends it (" in task.frame.system
    assert isinstance(prompt.constraint, JsonText)
    schema = json.loads(prompt.constraint.schema)
    assert list(schema["properties"]) == schema["required"] == list(RECORD)
    assert schema["additionalProperties"] is False
    assert schema["properties"]["paid"] == {"anyOf": [{"type": "boolean"}, {"type": "null"}]}
    assert list(schema["properties"]["total"]["properties"]) == ["amount", "currency"]


def test_the_examples_are_sound() -> None:
    """Both examples in the prompt are answers that every check would pass."""
    kinds: tuple[FieldType, ...] = get_args(FieldType)
    plain = [kind for kind in kinds if kind not in ("enum", "record", "list")]
    fields = [FieldSpec(name=kind, type=kind) for kind in plain]
    fields.append(FieldSpec(name="enum", type="enum", values=("high", "low")))
    fields.append(FieldSpec(name="record", type="record", fields=tuple(fields[:3])))
    fields.append(FieldSpec(name="list", type="list", fields=tuple(fields[3:6])))
    fields.append(FieldSpec(name="days", type="list", items="date"))
    task = Extract(ExtractTask(kind="extract", fields=tuple(fields)))
    *shown, ask = task.frame.before.split("\n\n")
    assert (len(shown), ask) == (2, task.asks)
    for shot in shown:
        text, answer = shot.removeprefix(ask).split(f"\n{task.frame.answer_start}")
        reading = task.read(talk(answer), make_job(text))
        assert (reading.problem, reading.output) == (None, json.loads(answer))


def test_a_question_asks_the_same_without_patterns() -> None:
    """An engine that only talks gets the same words and fields, and the row's text as it is."""
    task = Extract(TASK)
    question = task.question(make_job(TEXT))
    assert (question.key, question.system) == (7, task.system)
    assert task.frame.system == task.system
    assert question.user.endswith(TEXT)
    assert "pattern" not in question.schema
    assert list(json.loads(question.schema)["properties"]) == list(RECORD)


def test_japanese_words_for_japanese_specs() -> None:
    """A Japanese description makes the prompt Japanese."""
    field = FieldSpec(name="vendor", type="string", description="請求書の発行者")
    frame = Extract(ExtractTask(kind="extract", fields=(field,))).frame
    assert frame.before.endswith("\n\n文: ")
    assert "Text" not in frame.system + frame.before


def test_values_are_found_where_they_stand() -> None:
    """Full-width digits and eras are the same number and day; spans show them as written."""
    reading = Extract(TASK).read(talk(RECORD), make_job(TEXT))
    assert (reading.output, reading.problem, reading.label) == (RECORD, None, None)
    assert reading.fields is not None
    spans = {name: one.span for name, one in reading.fields.items()}
    shown = {name: TEXT[slice(*span)] for name, span in spans.items() if span}
    assert shown == {"vendor": "みなと印刷", "day": "令和８年２月５日", "total": "３３，０００円"}
    assert (reading.confidence, reading.confidence_source) == (None, "none")


def test_a_field_is_as_sure_as_its_own_tokens() -> None:
    """Each field has the least probability of its value's tokens, the row that of its fields."""
    answer = json.dumps(RECORD, ensure_ascii=False)
    low = {"vendor": -5.0, "印刷": -0.5, "02-05": -0.25, '"amount"': -4.0, "33": -1.0, "null": -2.0}
    reading = Extract(TASK).read(write_bytes(answer, low), make_job(TEXT))
    assert reading.fields is not None
    found = {name: one.confidence for name, one in reading.fields.items()}
    expected = {"vendor": -0.5, "day": -0.25, "total": -1.0, "paid": -2.0}
    assert found == pytest.approx({name: math.exp(value) for name, value in expected.items()})
    assert reading.confidence == min(value for value in found.values() if value is not None)
    assert reading.confidence_source == "token_logprobs"
    assert reading.signals["fields"]["vendor"]["min"] == -0.5


def test_a_field_without_tokens_leaves_the_row_unsure() -> None:
    """One field of unknown confidence makes the row's unknown: it is never high."""
    answer = json.dumps(RECORD, ensure_ascii=False)
    half = replace(write(answer[:40], -0.1, -0.1), text=answer)
    reading = Extract(TASK).read(half, make_job(TEXT))
    assert reading.fields is not None
    assert reading.fields["vendor"].confidence is not None
    assert (reading.confidence, reading.confidence_source) == (None, "none")


@pytest.mark.parametrize(
    ("kind", "value", "text", "settled"),
    [
        ("string", "ACME ltd", "From Ａｃｍｅ\n Ltd.", "ACME ltd"),
        ("integer", 3, "three nights", 3),
        ("integer", 12000, "価格は1.2万円", 12000),
        ("number", 1234.5, "1.234,50 kg", 1234.5),
        ("number", -5, "気温は−5度", -5),
        ("date", "2026-02-09", "on February 9th, 2026", "2026-02-09"),
        ("date", "令和8年1月20日", "R8.1.20", "2026-01-20"),
        ("date", "2026-04-03", "03/04/2026", "2026-04-03"),
        ("money", {"amount": "1,200", "currency": "¥"}, "￥1,200", ("1200", "JPY")),
        ("money", {"amount": "72.80", "currency": "USD"}, "$72.8", ("72.80", "USD")),
        ("money", {"amount": "5", "currency": "SEK"}, "5 sek", ("5", "SEK")),
    ],
)
def test_sound_values(kind: FieldType, value: Any, text: str, settled: Any) -> None:
    """A value that stands in the text in another spelling is grounded and takes its form."""
    if isinstance(settled, tuple):
        settled = dict(zip(("amount", "currency"), settled, strict=True))
    assert extract_one(kind, value, text) == (settled, None)


@pytest.mark.parametrize(
    ("kind", "value", "text", "problem"),
    [
        ("string", "Globex", "From Acme", "value_not_grounded"),
        ("string", " ", "From Acme", "value_missing"),
        ("string", None, "From Acme", "value_missing"),
        ("integer", 13, "12 boxes", "value_not_grounded"),
        ("number", -5, "5 degrees", "value_not_grounded"),
        ("date", "2026-02-06", "2026-02-05", "value_not_grounded"),
        ("date", "2026-02-05", "2月5日", "value_not_grounded"),
        ("date", "tomorrow", "tomorrow", "value_off_type"),
        ("date", "2026-02-30", "2026-02-30", "value_off_type"),
        ("money", {"amount": "about 5", "currency": "USD"}, "$5", "value_off_type"),
        ("money", {"amount": "5", "currency": "coins"}, "5 coins", "value_off_type"),
        ("money", {"amount": "5", "currency": "EUR"}, "$5", "value_not_grounded"),
        ("string", 5, "5", "answer_off_schema"),
        ("integer", "5", "5", "answer_off_schema"),
        ("integer", True, "1", "answer_off_schema"),
        ("integer", 5.0, "5", "answer_off_schema"),
        ("boolean", "yes", "yes", "answer_off_schema"),
        ("money", "5 USD", "5 USD", "answer_off_schema"),
        ("money", {"amount": "5"}, "$5", "answer_off_schema"),
        ("string", "a\0b", "a", "answer_off_schema"),
    ],
)
def test_unsound_values(kind: FieldType, value: Any, text: str, problem: str) -> None:
    """What is invented, of no such type or not there is a problem of its own, never a default."""
    assert extract_one(kind, value, text)[1] == problem


def test_enums_take_the_specs_spelling() -> None:
    """A choice is known in any width and case; anything else is not one of them."""
    assert extract_one("enum", "ＨＩＧＨ", "", values=("high", "low")) == ("high", None)
    assert extract_one("enum", "mid", "mid", values=("high", "low"))[1] == "value_off_type"


def test_an_optional_null_is_an_answer() -> None:
    """Null says that the text is silent, where the spec allows it."""
    assert extract_one("date", None, "no day", required=False) == (None, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "answer_not_json"),
        ("{", "answer_not_json"),
        ('{"x": "a"', "answer_not_json"),
        ('{"x": "a"} and more', "answer_not_json"),
        ('```json\n{"x": "a"}\n```', "answer_not_json"),
        ('{"x": NaN}', "answer_not_json"),
        ('{"x": ' + "[" * 100_000, "answer_not_json"),
        ('{"x": ' + "9" * 10_000 + "}", "answer_not_json"),
        ('["a"]', "answer_not_json"),
        ("{}", "answer_off_schema"),
        ('{"y": "a"}', "answer_off_schema"),
        ('{"x": "a", "y": "a"}', "answer_off_schema"),
        ('{"x": "a", "x": "b"}', "answer_off_schema"),
        ('{"x": "\\ud800"}', "answer_off_schema"),
    ],
)
def test_what_is_no_record(text: str, problem: str) -> None:
    """Half a record, a foreign one, or a field that stands twice is no answer at all."""
    task = Extract(ExtractTask(kind="extract", fields=(FieldSpec(name="x", type="string"),)))
    for completion in (talk(text), write(text)):
        reading = task.read(completion, make_job("a b"))
        assert (reading.problem, reading.output, reading.fields) == (problem, None, None)


def test_a_cut_answer_is_none() -> None:
    """What was cut by its length is not read, even if it happens to be whole."""
    answer = json.dumps(RECORD, ensure_ascii=False)
    reading = Extract(TASK).read(write(answer, -0.1, finish="length"), make_job(TEXT))
    assert (reading.problem, reading.output) == ("answer_cut", None)


@given(completions(ANY_TEXT | st.just(json.dumps(RECORD))), ANY_TEXT)
def test_reading_never_raises(completion: Any, text: str) -> None:
    """Whatever an engine says, there is an answer with all fields, or a problem."""
    reading = Extract(TASK).read(completion, make_job(text))
    assert reading.problem is not None or reading.output is not None
    assert reading.output is None or list(reading.output) == list(RECORD)
    assert reading.confidence is None or 0 <= reading.confidence <= 1


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT


@given(
    st.fixed_dictionaries(
        {
            "vendor": VALUES,
            "day": VALUES | st.dates().map(str),
            "total": VALUES | st.fixed_dictionaries({"amount": VALUES, "currency": VALUES}),
            "paid": VALUES,
        }
    ),
    ANY_TEXT,
)
def test_a_sound_record_fits_its_schema(record: dict[str, Any], text: str) -> None:
    """Without a problem every value has the type of its field, and null only where allowed."""
    reading = Extract(TASK).read(talk(json.dumps(record)), make_job(text))
    if reading.problem is not None:
        return
    assert reading.output is not None
    vendor, day, total, paid = reading.output.values()
    assert isinstance(vendor, str)
    assert isinstance(day, str)
    assert set(total) == {"amount", "currency"}
    assert paid in (None, True, False)


@given(ANY_TEXT, ANY_TEXT)
def test_a_grounded_value_is_in_the_source(text: str, value: str) -> None:
    """What is called grounded stands in the text at its span, after NFKC and casefold."""
    task = Extract(ExtractTask(kind="extract", fields=(FieldSpec(name="x", type="string"),)))
    reading = task.read(talk(json.dumps({"x": value})), make_job(text + value[:9] + text))
    if reading.problem is not None or reading.fields is None:
        return
    start, end = reading.fields["x"].span or (0, 0)
    assert start < end
    assert fold(value).text.strip() in fold((text + value[:9] + text)[start:end]).text
