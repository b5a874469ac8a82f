"""Extract: the same fields from every row, each with its own place, confidence and problem."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from jobs.job import Job
from jobs.prompt import Completion, Frame, JsonText, Prompt, Question
from jobs.spec import ExtractTask, FieldSpec, FieldType
from jobs.tasks.answers import (
    bound_tokens,
    closed_object,
    compact_json,
    find_fault,
    own_spans,
    read_object,
)
from jobs.tasks.languages import speaks_japanese
from jobs.tasks.merging import find_broken, merge_field
from jobs.tasks.protocol import FieldReading, Part, Reading, nothing
from jobs.tasks.signals import describe, token_logprobs
from jobs.tasks.values import Source, fits, settle

ANSWER: Final = "JSON: "
AMOUNT_PATTERN: Final = r"^-?[0-9]{1,15}(\.[0-9]{1,4})?$"
DATE_PATTERN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
CURRENCY_PATTERN: Final = r"^[A-Z]{3}$"
Sample = tuple[str, Any]
"""A value as a text has it, and as the answer has it."""
SAMPLES: Final[Mapping[FieldType, tuple[Sample, Sample]]] = {
    "string": (("Blue Door", "Blue Door"), ("青い扉", "青い扉")),
    "integer": (("12", 12), ("７", 7)),
    "number": (("2.5", 2.5), ("４０", 40)),
    "money": (
        ("$1,045.90", {"amount": "1045.90", "currency": "USD"}),
        ("8,200円", {"amount": "8200", "currency": "JPY"}),
    ),
    "date": (("May 3, 2024", "2024-05-03"), ("2023年11月9日", "2023-11-09")),
    "boolean": (("yes", True), ("いいえ", False)),
    "enum": (("", ""), ("", "")),
}
"""Two for each type; an enum has its own."""
TOKENS: Final = {"string": 96, "money": 48, "enum": 48}
OTHER_TOKENS: Final = 24


@dataclass(frozen=True, slots=True)
class Wording:
    """The words around fields and rows; `types` name each type of field."""

    instruction: str
    rules: str
    fields: str
    question: str
    optional: str
    types: dict[str, str]


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
    },
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
    },
)


class Extract:
    """The extract task of one spec."""

    def __init__(self, task: ExtractTask) -> None:
        described = " ".join(f"{field.name} {field.description}" for field in task.fields)
        japanese = speaks_japanese(task.instruction or described)
        words = JAPANESE if japanese else ENGLISH
        self.task = task
        self.fields = task.fields
        self.system = _describe(task, words)
        shots = [_show_sample(task.fields, words, number) for number in (0, 1)]
        system = "\n\n".join([self.system, *shots])
        self.frame = Frame(system, before=words.question, answer_start=ANSWER)
        limit = bound_tokens(sum(_estimate_tokens(field) for field in task.fields))
        self.constraint = JsonText(_build_schema(task.fields, patterns=True), limit)
        self.schema = _build_schema(task.fields, patterns=False)

    def render(self, job: Job) -> Prompt:
        """Put one row into the frame that all rows share."""
        return Prompt(job.job_id, self.frame, job.text, self.constraint)

    def question(self, job: Job) -> Question:
        """Ask for the fields, without the examples and patterns that small models need."""
        user = self.frame.before + job.text
        limit = 2 * self.constraint.max_tokens
        return Question(job.job_id, self.system, user, self.schema, limit)

    def read(self, completion: Completion, job: Job) -> Reading:
        """Take every field: in its form, found in the text, as sure as its own tokens."""
        fault = find_fault(completion)
        if fault is not None:
            return nothing(fault)
        text = completion.text or ""
        members = read_object(text)
        if members is None:
            return nothing("answer_not_json")
        named = {member.name: member for member in members}
        if len(members) != len(self.fields) or set(named) != {one.name for one in self.fields}:
            return nothing("answer_off_schema")
        if not all(fits(field, named[field.name].value) for field in self.fields):
            return nothing("answer_off_schema")
        source = Source(job.text)
        fields: dict[str, FieldReading] = {}
        signals: dict[str, Any] = {}
        for field in self.fields:
            member = named[field.name]
            logprobs = token_logprobs(completion.tokens, own_spans(text, member))
            fields[field.name] = _read_field(field, member.value, source, completion, logprobs)
            signals[field.name] = describe(logprobs) if logprobs else {}
        return _combine(fields, signals)

    @cached_property
    def of_part(self) -> "Extract":
        """The same task with no field required: a part does not hold them all."""
        fields = tuple(field.model_copy(update={"required": False}) for field in self.fields)
        return Extract(self.task.model_copy(update={"fields": fields}))

    def render_part(self, job: Job, text: str) -> Prompt:
        """Ask for what a part says of the fields."""
        return self.of_part.render(replace(job, text=text))

    def question_part(self, job: Job, text: str) -> Question:
        """Ask an engine that only talks about a part."""
        return self.of_part.question(replace(job, text=text))

    def merge(self, parts: Sequence[Part], job: Job) -> Reading:
        """Take every field from the part that is believed about it."""
        readings = [
            self.of_part.read(part.completion, replace(job, text=part.text)) for part in parts
        ]
        broken = find_broken(readings)
        if broken is not None:
            return broken
        source = Source(job.text)
        fields: dict[str, FieldReading] = {}
        signals: dict[str, Any] = {}
        for field in self.fields:
            found = [(reading.fields or {})[field.name] for reading in readings]
            number, fields[field.name] = merge_field(field, parts, found, source)
            signals[field.name] = readings[number].signals["fields"][field.name]
        return _combine(fields, signals)


def _read_field(
    field: FieldSpec,
    value: Any,
    source: Source,
    completion: Completion,
    logprobs: Sequence[float] | None,
) -> FieldReading:
    settled = settle(field, value, source)
    known = completion.confidence_source != "none" and logprobs is not None
    return FieldReading(
        value=settled.value,
        span=settled.span,
        confidence=math.exp(min(logprobs)) if known and logprobs else None,
        confidence_source=completion.confidence_source if known else "none",
        problem=settled.problem,
    )


def _combine(fields: dict[str, FieldReading], signals: dict[str, Any]) -> Reading:
    """A record is as sure as its least sure field, and unsure if one of them is unknown."""
    sure = [one.confidence for one in fields.values() if one.confidence is not None]
    known = len(sure) == len(fields)
    return Reading(
        output={name: one.value for name, one in fields.items()},
        label=None,
        signals={"fields": signals},
        confidence=min(sure) if known else None,
        confidence_source=next(iter(fields.values())).confidence_source if known else "none",
        problem=next((one.problem for one in fields.values() if one.problem), None),
        fields=fields,
    )


def _build_schema(fields: Sequence[FieldSpec], *, patterns: bool) -> str:
    """Return the schema of the record; `patterns` also bounds what strings may be written."""
    properties: dict[str, Any] = {}
    for field in fields:
        schema = _type_schema(field, patterns=patterns)
        properties[field.name] = schema if field.required else {"anyOf": [schema, {"type": "null"}]}
    return compact_json(closed_object(properties))


def _type_schema(field: FieldSpec, *, patterns: bool) -> dict[str, Any]:
    if field.type == "enum":
        return {"enum": list(field.values)}
    if field.type == "money":
        parts = {"amount": AMOUNT_PATTERN, "currency": CURRENCY_PATTERN}
        return closed_object({name: _string(parts[name], patterns) for name in parts})
    if field.type == "date":
        return _string(DATE_PATTERN, patterns)
    if field.type == "string":
        return {"type": "string"}
    return {"type": field.type}


def _string(pattern: str, wanted: bool) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern} if wanted else {"type": "string"}


def _estimate_tokens(field: FieldSpec) -> int:
    return len(field.name.encode()) + 8 + TOKENS.get(field.type, OTHER_TOKENS)


def _describe(task: ExtractTask, words: Wording) -> str:
    lines = [task.instruction or words.instruction, words.rules, "", words.fields]
    lines += [_describe_field(field, words) for field in task.fields]
    return "\n".join(lines)


def _show_sample(fields: Sequence[FieldSpec], words: Wording, number: int) -> str:
    """Show question and answer in their very form, compact as the engines write it."""
    samples = {field.name: _sample(field, number) for field in fields}
    text = ", ".join(f"{name} {written}" for name, (written, _) in samples.items())
    answer = {name: value for name, (_, value) in samples.items()}
    return f"{words.question}{text}\n{ANSWER}{compact_json(answer)}"


def _sample(field: FieldSpec, number: int) -> Sample:
    if field.type == "enum":
        return field.values[-number], field.values[-number]
    return SAMPLES[field.type][number]


def _describe_field(field: FieldSpec, words: Wording) -> str:
    kind = words.types[field.type] + ", ".join(field.values)
    about = f"{field.description} " if field.description else ""
    return f"- {field.name}: {about}({kind}{'' if field.required else words.optional})"
