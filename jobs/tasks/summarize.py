"""Summarize: a row's text in a few points or paragraphs."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from jobs.job import Job
from jobs.prompt import Completion, Frame, FreeText, Prompt, Question
from jobs.spec import LanguageCode, SummarizeTask
from jobs.tasks.answers import bound_tokens, closed_object, compact_json
from jobs.tasks.folding import fold
from jobs.tasks.languages import detect_language
from jobs.tasks.merging import find_broken, find_least_sure
from jobs.tasks.protocol import Part, Reading, nothing
from jobs.tasks.summary_checks import find_problem, is_too_long
from jobs.tasks.summary_words import (
    WORDINGS,
    Tongue,
    begin_answer,
    describe,
    describe_row,
    show,
    show_json,
)
from jobs.tasks.writing import Written, read_text, score_text

SCHEMA: Final = compact_json(
    closed_object({"points": {"type": "array", "items": {"type": "string"}}})
)
BULLET: Final = re.compile(r"^\s*(?:[-*•‣●○・]+\s*|[0-9０-９]{1,2}[.)．、]\s+)")
TOKENS_PER_CHAR: Final = {"en": 0.5, "ja": 2}
"""Small models spell out kana and kanji by the byte."""
SENTENCE_CHARS: Final = {"en": 160, "ja": 64}
MOST_TOKENS: Final = 512
"""The longest summary of a spec that sets no limit."""


class Summarize:
    """The summarize task of one spec; its words are Japanese for Japanese summaries."""

    def __init__(self, task: SummarizeTask) -> None:
        self.task = task
        self.systems = {
            tongue: _join(describe(task, tongue), show_json(task, tongue)) for tongue in WORDINGS
        }
        self.frames = {tongue: self._frame(tongue) for tongue in WORDINGS}

    def render(self, job: Job) -> Prompt:
        """Put one row into the frame that all rows of its language share."""
        return self.render_part(job, job.text)

    def question(self, job: Job) -> Question:
        """Ask for the points as JSON, without the example that small models need."""
        tongue = self._tongue(job.text)
        user = WORDINGS[tongue].question + self._row(job, job.text)
        limit = 2 * self._bound(job.text)
        return Question(job.job_id, self.systems[tongue], user, SCHEMA, limit)

    def read(self, completion: Completion, job: Job) -> Reading:
        """Take the points with the first check they fail, if any.

        The confidence is e to the `q10` of the signals: the answer's tenth weakest token in a
        hundred.
        """
        written = read_text(completion, "points")
        if not isinstance(written, Written):
            return written
        points = self._split(written.value) if written.plain else _as_points(written.value)
        if points is None:
            return nothing("answer_off_schema")
        problem = find_problem(points, job.text, self._language(job.text), self.task)
        return score_text(completion, written, {"points": points}, problem)

    def render_part(self, job: Job, text: str) -> Prompt:
        """Ask for the points of a part in the language of the whole row's summary."""
        frame = self.frames[self._tongue(job.text)]
        stop = ("\n\n", "\n" + frame.before.strip())
        return Prompt(job.job_id, frame, self._row(job, text), FreeText(self._bound(text), stop))

    def question_part(self, job: Job, text: str) -> Question:
        """Ask so about a part, in the language of the whole row's summary."""
        return replace(self.question(replace(job, text=text)), system=self.question(job).system)

    def merge(self, parts: Sequence[Part], job: Job) -> Reading:
        """Take the points of all parts, each once; where they exceed the limits, ask again."""
        readings = [self.read(part.completion, replace(job, text=part.text)) for part in parts]
        broken = find_broken(readings)
        if broken is not None:
            return broken
        said: dict[str, str] = {}
        for reading in readings:
            for point in (reading.output or {})["points"]:
                said.setdefault(fold(point).text, point)
        points = list(said.values())
        return replace(
            find_least_sure(readings),
            output={"points": points},
            problem=find_problem(points, job.text, self._language(job.text), self.task),
            again="\n".join(points) if is_too_long(points, self.task) else None,
        )

    def _row(self, job: Job, text: str) -> str:
        """Return a text with the focus of its row, in one line; an empty one is the spec's."""
        own = " ".join(job.attributes.get(self.task.focus_column or "", "").split())
        return describe_row(self.task, self._tongue(job.text), text, own or self.task.focus)

    def _split(self, text: str) -> list[str]:
        """Return the points of a list, or the paragraphs of prose."""
        if self.task.form == "prose":
            return [line.strip() for line in text.splitlines() if line.strip()]
        lines = (BULLET.sub("", line).strip() for line in text.splitlines())
        return [line for line in lines if line]

    def _language(self, text: str) -> LanguageCode | None:
        """Return the language of a row's summary; None for one that letters do not tell."""
        return _detect(text) if self.task.language == "auto" else self.task.language

    def _tongue(self, text: str) -> Tongue:
        return "ja" if self._language(text) == "ja" else "en"

    def _bound(self, text: str) -> int:
        """Return how many tokens a summary may take: by the limits, else by the text."""
        tongue = self._tongue(text)
        chars = [len(text)]
        if self.task.max_sentences is not None:
            chars.append(self.task.max_sentences * SENTENCE_CHARS[tongue])
        if self.task.max_chars is not None:
            chars.append(self.task.max_chars)
        return bound_tokens(min(MOST_TOKENS, 32 + min(chars) * TOKENS_PER_CHAR[tongue]))

    def _frame(self, tongue: Tongue) -> Frame:
        system = _join(describe(self.task, tongue), show(self.task, tongue))
        before = WORDINGS[tongue].question
        return Frame(system, before=before, answer_start=begin_answer(self.task, tongue))


_detect = lru_cache(maxsize=4)(detect_language)  # the parts of a long row all ask for the row's


def _join(system: str, shots: str) -> str:
    return f"{system}\n\n{shots}" if shots else system


def _as_points(value: Any) -> list[str] | None:
    if not isinstance(value, list) or not all(isinstance(point, str) for point in value):
        return None
    return [point.strip() for point in value if point.strip()]
