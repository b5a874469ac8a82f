"""The `[task]` table of a summary."""

from typing import Annotated, Literal

from pydantic import Field

from jobs.spec.task_section import TaskSection


class SummarizeTask(TaskSection):
    """Put every row into a few points, in its own language (`auto`) or another.

    `max_sentences` and `max_chars` bound the whole summary; `focus` names what matters.
    """

    kind: Literal["summarize"]
    language: Literal["auto", "ja", "en", "de", "fr", "zh", "ko"] = "auto"
    max_sentences: Annotated[int, Field(ge=1, le=100)] | None = None
    max_chars: Annotated[int, Field(ge=10, le=100_000)] | None = None
    focus: str = ""
