"""What every kind of job can do, so that the executor knows none of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from jobs.job import Job
from jobs.prompt import Completion, ConfidenceSource, Prompt, Question


@dataclass(frozen=True, slots=True)
class FieldReading:
    """One field of an extracted record.

    `span` are the characters [start, end) of the row's text where the value was found, None for
    a null and for what need not stand there (boolean, enum); a list has those of its items, a
    record those of its fields by name. `inner` are the readings of these. `problem` is the code
    of the first check that failed, `problem_at` where in the field: "[2].amount".
    `confidence` is exp(`signals["min"]`), the least over `inner` where there is any.
    """

    value: Any
    span: Any
    confidence: float | None
    confidence_source: ConfidenceSource
    problem: str | None = None
    problem_at: str = ""
    signals: Mapping[str, Any] = field(default_factory=dict)
    inner: "tuple[FieldReading, ...] | Mapping[str, FieldReading] | None" = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A completion as its task understands it.

    `output` is the answer in the task's form, None if there is none. `problem` is the code of
    the first check that failed, `problem_at` the field it failed for: "lines[2].amount".
    `signals` are kept uncalibrated; `confidence` is in [0, 1], the minimum over `fields` where
    there are any (extract).
    `again` is a text to be asked about instead of taking this answer (the summaries of a long
    row's parts, where they are too long together).
    """

    output: Mapping[str, Any] | None
    label: str | None
    signals: Mapping[str, Any]
    confidence: float | None
    confidence_source: ConfidenceSource
    problem: str | None = None
    fields: Mapping[str, FieldReading] | None = None
    again: str | None = None
    problem_at: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a row's text and the answer to it; `start` is the place of its first character."""

    text: str
    start: int
    completion: Completion


class Task(Protocol):
    """Renders a row into what an engine is asked, and reads the answer; pure."""

    def render(self, job: Job) -> Prompt:
        """Ask an engine that completes, constrains and scores."""
        ...

    def question(self, job: Job) -> Question:
        """Ask an engine that only talks."""
        ...

    def read(self, completion: Completion, job: Job) -> Reading:
        """Read the answer to either, for the row it answers; never raises.

        `completion.asked` says which; an answer to the question is JSON, with or without tokens.
        """
        ...

    def render_part(self, job: Job, text: str) -> Prompt:
        """Ask about a part of a row whose whole text is too long."""
        ...

    def question_part(self, job: Job, text: str) -> Question:
        """Ask an engine that only talks about such a part."""
        ...

    def merge(self, parts: Sequence[Part], job: Job) -> Reading:
        """Read the answers to all parts, in the text's order, as the row's; never raises.

        There is one part at least. Every check is made of the merged answer against the whole row.
        """
        ...


def nothing(problem: str) -> Reading:
    """Return the reading of a completion that holds no answer."""
    return Reading(None, None, {}, None, "none", problem)
