"""The words around the fields of an extraction, in English and Japanese, and examples of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from jobs.spec import Example, ExtractTask, FieldSpec
from jobs.tasks.answers import compact_json

ANSWER: Final = "JSON: "
Sample = tuple[str, Any]
"""A value as a text has it, and as the answer has it."""
SAMPLES: Final[Mapping[str, tuple[Sample, Sample]]] = {
    "string": (("Blue Door", "Blue Door"), ("青い扉", "青い扉")),
    "integer": (("12", 12), ("７", 7)),
    "number": (("2.5", 2.5), ("４０", 40)),
    "money": (
        ("$1,045.90", {"amount": "1045.90", "currency": "USD"}),
        ("8,200円", {"amount": "8200", "currency": "JPY"}),
    ),
    "date": (("May 3, 2024", "2024-05-03"), ("2023年11月9日", "2023-11-09")),
    "boolean": (("yes", True), ("いいえ", False)),
}
"""Two for each type; an enum has its own."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The words around fields and rows; `types` name each type of field."""

    instruction: str
    rules: str
    fields: str
    question: str
    optional: str
    types: Mapping[str, str]
    items: str
    empty: str
    pattern: str


ENGLISH: Final = Wording(
    instruction="Read the text and write these fields as JSON.",
    rules="Copy values as they stand in the text. Invent nothing.",
    fields="Fields:",
    question="Text: ",
    optional=", or null if the text does not say",
    types={
        "string": "words from the text",
        "integer": "whole number",
        "number": "number",
        "money": 'amount as digits, currency as three letters ("JPY")',
        "date": "date as YYYY-MM-DD",
        "boolean": "true or false",
        "enum": "one of ",
        "record": "record of the fields below",
    },
    items="list, at most {most} items: ",
    empty=", [] if the text has none",
    pattern=", in the form {pattern}",
)
JAPANESE: Final = Wording(
    instruction="文を読み、次の項目を JSON で書いてください。",
    rules="値は文にあるとおりに写し、文にないことは書かないでください。",
    fields="項目:",
    question="文: ",
    optional="。文になければ null",
    types={
        "string": "文中の語句",
        "integer": "整数",
        "number": "数",
        "money": '金額は数字、通貨は３文字（"JPY"）',
        "date": "日付 (YYYY-MM-DD)",
        "boolean": "true か false",
        "enum": "次のどれか: ",
        "record": "下の項目の組",
    },
    items="リスト（最大 {most} 件）: ",
    empty="。文になければ []",
    pattern="、{pattern} の形",
)


def describe_task(task: ExtractTask, words: Wording) -> str:
    """Say what is to be done, and what each field is."""
    lines = [task.instruction or words.instruction, words.rules, "", words.fields]
    lines += [line for field in task.fields for line in _describe_field(field, words)]
    return "\n".join(lines)


def show_examples(task: ExtractTask, words: Wording) -> list[str]:
    """Show the spec's examples in the very form of question and answer, as the engines write it."""
    return [
        _show(example.text, complete_record(task.fields, example), words)
        for example in task.examples
    ]


def show_samples(fields: Sequence[FieldSpec], words: Wording) -> list[str]:
    """Show two made-up texts and their answers, where the spec has no examples."""
    shown = []
    for number in (0, 1):
        samples = {field.name: _sample(field, number) for field in fields}
        text = ", ".join(f"{name} {written}" for name, (written, _) in samples.items())
        answer = {name: value for name, (_, value) in samples.items()}
        shown.append(_show(text, answer, words))
    return shown


def complete_record(fields: Sequence[FieldSpec], example: Example) -> dict[str, Any]:
    """Return an example's answer with all fields in their order, those not named empty."""
    return _complete_fields(fields, example.answer)


def _complete_fields(fields: Sequence[FieldSpec], answer: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: _complete(field, answer.get(field.name)) for field in fields}


def _complete(field: FieldSpec, value: Any) -> Any:
    if field.type == "list":
        return [_complete(field.item, item) for item in value or ()]
    if field.type == "record" and value is not None:
        return _complete_fields(field.fields, value)
    if field.type == "money" and value is not None:
        return {"amount": str(value["amount"]), "currency": value["currency"]}
    return value


def _show(text: str, answer: Mapping[str, Any], words: Wording) -> str:
    return f"{words.question}{text}\n{ANSWER}{compact_json(answer)}"


def _sample(field: FieldSpec, number: int) -> Sample:
    """Return a value; of the two of a list one has two items and the other has one."""
    if field.type == "list":
        items = [_sample(field.item, one) for one in ((0, 1) if number == 0 else (1,))]
        return " / ".join(written for written, _ in items), [value for _, value in items]
    if field.type == "record":
        inner = {one.name: _sample(one, number) for one in field.fields}
        written = " ".join(f"{name} {written}" for name, (written, _) in inner.items())
        return written, {name: value for name, (_, value) in inner.items()}
    if field.type == "enum":
        return field.values[-number], field.values[-number]
    return SAMPLES[field.type][number]


def _describe_field(field: FieldSpec, words: Wording, indent: str = "") -> Iterator[str]:
    kind = words.types[field.kind] + ", ".join(field.values)
    if field.pattern:
        kind += words.pattern.format(pattern=field.pattern)
    if field.type == "list":
        kind = words.items.format(most=field.max_items) + kind + words.empty * (not field.required)
    elif not field.required:
        kind += words.optional
    about = f"{field.description} " if field.description else ""
    yield f"{indent}- {field.name}: {about}({kind})"
    for inner in field.fields:
        yield from _describe_field(inner, words, f"{indent}  ")
