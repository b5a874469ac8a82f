"""Extract: the same fields from every row, each with its own place, confidence and problem."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from jobs.job import Job
from jobs.prompt import Completion, Frame, JsonText, Prompt, Question
from jobs.spec import ExtractTask, FieldSpec
from jobs.tasks.answers import compact_json, find_fault, read_object
from jobs.tasks.field_schema import build_schema, limit_tokens
from jobs.tasks.field_words import (
    ANSWER,
    ENGLISH,
    JAPANESE,
    complete_record,
    describe_task,
    show_examples,
    show_samples,
)
from jobs.tasks.languages import speaks_japanese
from jobs.tasks.merging import find_broken, merge_field
from jobs.tasks.protocol import FieldReading, Part, Reading, nothing
from jobs.tasks.records import Answered
from jobs.tasks.values import Source, fits


class Extract:
    """The extract task of one spec."""

    def __init__(self, task: ExtractTask) -> None:
        described = " ".join(f"{field.name} {field.description}" for field in task.fields)
        japanese = speaks_japanese(task.instruction or described)
        words = JAPANESE if japanese else ENGLISH
        self.task = task
        self.fields = task.fields
        self.asks = words.question
        self.system = describe_task(task, words)
        self.examples = show_examples(task, words)
        shots = self.examples or show_samples(task.fields, words)
        # In the turn of the row, and not before it: small models then answer as they are shown.
        before = "\n\n".join([*shots, words.question])
        self.frame = Frame(self.system, before=before, answer_start=ANSWER)
        self.constraint = JsonText(
            build_schema(task.fields, bounds=True), limit_tokens(task.fields)
        )
        self.schema = build_schema(task.fields, bounds=False)

    def render(self, job: Job) -> Prompt:
        """Put one row into the frame that all rows share."""
        return Prompt(job.job_id, self.frame, job.text, self.constraint)

    def question(self, job: Job) -> Question:
        """Ask for the fields, without the made-up samples and bounds that small models need."""
        system = "\n\n".join([self.system, *self.examples])
        limit = 2 * self.constraint.max_tokens
        return Question(job.job_id, system, self.asks + job.text, self.schema, limit)

    def read(self, completion: Completion, job: Job) -> Reading:
        """Take every field: in its form, found in the text, as sure as its own tokens.

        `signals["fields"]` describes each field's tokens; its confidence is exp(`min`) of these,
        that of the record the least of its fields. Lists have signals for each of their `items`,
        records for their `fields`; `repeated` counts items that stood there already.
        """
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
        answered = Answered(completion, text, Source(job.text))
        return _combine(
            {field.name: answered.read(field, named[field.name]) for field in self.fields}
        )

    @cached_property
    def of_part(self) -> "Extract":
        """The same task with no field required: a part does not hold them all."""
        return Extract(self.task.model_copy(update={"fields": _optional(self.fields)}))

    def render_part(self, job: Job, text: str) -> Prompt:
        """Ask for what a part says of the fields."""
        return self.of_part.render(replace(job, text=text))

    def question_part(self, job: Job, text: str) -> Question:
        """Ask an engine that only talks about a part."""
        return self.of_part.question(replace(job, text=text))

    def merge(self, parts: Sequence[Part], job: Job) -> Reading:
        """Take every field from the part that is believed about it, and the items of all parts."""
        readings = [
            self.of_part.read(part.completion, replace(job, text=part.text)) for part in parts
        ]
        broken = find_broken(readings)
        if broken is not None:
            return broken
        source = Source(job.text)
        fields: dict[str, FieldReading] = {}
        for field in self.fields:
            found = [(reading.fields or {})[field.name] for reading in readings]
            fields[field.name] = merge_field(field, parts, found, source)
        return _combine(fields)


def find_wrong_example(task: ExtractTask) -> str | None:
    """Say which example's answer would not pass the checks of its own task, None if all do."""
    reader = Extract(task)
    for number, example in enumerate(task.examples, start=1):
        answer = compact_json(complete_record(task.fields, example))
        job = Job(number, "", number, "", example.text, 0)
        reading = reader.read(Completion(number, answer, asked="question"), job)
        if reading.problem is not None:
            return f"example {number}: {_explain(reading)}"
    return None


def _explain(reading: Reading) -> str:
    if reading.problem_at is None:
        return "its answer cannot be read"
    what = {
        "value_not_grounded": "does not stand in its text",
        "value_off_type": "is not of the field's type",
        "value_off_pattern": "does not meet the field's pattern",
        "value_missing": "is missing",
    }
    return f"the value of {reading.problem_at} {what.get(reading.problem or '', 'is wrong')}"


def _optional(fields: Sequence[FieldSpec]) -> tuple[FieldSpec, ...]:
    return tuple(
        field.model_copy(update={"required": False, "fields": _optional(field.fields)})
        for field in fields
    )


def _combine(fields: Mapping[str, FieldReading]) -> Reading:
    """A record is as sure as its least sure field, and unsure if one of them is unknown."""
    sure = [one.confidence for one in fields.values() if one.confidence is not None]
    known = len(sure) == len(fields)
    signals: dict[str, Any] = {name: dict(one.signals) for name, one in fields.items()}
    wrong = next((name for name, one in fields.items() if one.problem), None)
    return Reading(
        output={name: one.value for name, one in fields.items()},
        label=None,
        signals={"fields": signals},
        confidence=min(sure) if known else None,
        confidence_source=next(iter(fields.values())).confidence_source if known else "none",
        problem=None if wrong is None else fields[wrong].problem,
        fields=fields,
        problem_at=None if wrong is None else wrong + fields[wrong].problem_at,
    )
