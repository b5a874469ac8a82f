"""What every kind of job can do, so that the executor knows none of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jobs.job import Job
from jobs.prompt import Completion, ConfidenceSource, Prompt


@dataclass(frozen=True, slots=True)
class Reading:
    """A completion as its task understands it.

    `output` is the answer in the task's form, None if there is none. `problem` is the code of
    the first check that failed. `signals` are kept uncalibrated; `confidence` is in [0, 1].
    """

    output: Mapping[str, Any] | None
    label: str | None
    signals: Mapping[str, Any]
    confidence: float | None
    confidence_source: ConfidenceSource
    problem: str | None = None


class Task(Protocol):
    """Renders a row into a prompt and reads the answer; pure."""

    def render(self, job: Job) -> Prompt: ...

    def read(self, completion: Completion) -> Reading: ...
