"""The `[task]` table of a summary."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from jobs.spec.section import Words
from jobs.spec.task_section import Example, TaskSection


class SummaryExample(Example):
    """A text and its summary: points, or a string whose lines they are; `focus` may be empty."""

    focus: str = ""

    @property
    def points(self) -> tuple[str, ...]:
        """The points, or paragraphs, of the answer."""
        lines = self.answer.splitlines() if isinstance(self.answer, str) else self.answer
        return tuple(line.strip() for line in lines if line.strip())


class SummarizeTask(TaskSection):
    """Put every row into a few points, in its own language (`auto`) or another.

    `max_sentences` and `max_chars` bound the whole summary. `focus` names what matters; where
    `focus_column` names a column, each row has its own there, and an empty cell means `focus`.
    As `prose` the points are paragraphs.
    """

    kind: Literal["summarize"]
    language: Literal["auto", "ja", "en", "de", "fr", "zh", "ko"] = "auto"
    form: Literal["list", "prose"] = "list"
    max_sentences: Annotated[int, Field(ge=1, le=100)] | None = None
    max_chars: Annotated[int, Field(ge=10, le=100_000)] | None = None
    focus: str = ""
    focus_column: Words | None = None
    examples: Annotated[tuple[SummaryExample, ...], Field(max_length=20)] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of each row's own focus, if there is one."""
        return () if self.focus_column is None else (self.focus_column,)

    @model_validator(mode="after")
    def _refuse_wrong_examples(self) -> "SummarizeTask":
        for number, example in enumerate(self.examples, 1):
            problem = self._find_problem(example)
            if problem:
                raise ValueError(f"example {number}: {problem}")
        return self

    def _find_problem(self, example: SummaryExample) -> str | None:
        answer = example.answer
        listed = isinstance(answer, list | tuple) and all(isinstance(one, str) for one in answer)
        if not isinstance(answer, str) and not listed:
            return "its answer should be a list of points, or a string"
        many, long = self.max_sentences, self.max_chars
        checks = {
            "its text is empty": not example.text.strip(),
            "its answer is empty": not example.points,
            "a point of its answer has more than one line": listed
            and any(len(point.splitlines()) > 1 for point in answer),
            "its answer has more points than max_sentences allows": many is not None
            and len(example.points) > many,
            "its answer is longer than max_chars allows": long is not None
            and sum(map(len, example.points)) > long,
        }
        return next((problem for problem, found in checks.items() if found), None)
