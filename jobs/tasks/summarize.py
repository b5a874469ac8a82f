"""Summarize: a row's text in a few points, with no number that the text has not."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, Literal

from jobs.job import Job
from jobs.prompt import Completion, Frame, FreeText, Prompt, Question
from jobs.spec import LanguageCode, SummarizeTask
from jobs.tasks.answers import bound_tokens, closed_object, compact_json
from jobs.tasks.folding import fold
from jobs.tasks.languages import NAMES, detect_language, fits_language, repeats, split_sentences
from jobs.tasks.merging import find_broken, find_least_sure
from jobs.tasks.numbers import invented_numbers
from jobs.tasks.protocol import Part, Reading, nothing
from jobs.tasks.writing import Written, read_text, score_text

Tongue = Literal["en", "ja"]
SCHEMA: Final = compact_json(
    closed_object({"points": {"type": "array", "items": {"type": "string"}}})
)
BULLET: Final = re.compile(r"^\s*(?:[-*•‣●○・]+\s*|[0-9０-９]{1,2}[.)．、]\s+)")
QUESTION: Final = {"en": "Text: ", "ja": "文: "}
ANSWER: Final = {"en": "Summary:\n- ", "ja": "要約:\n- "}
SHOWN: Final = {
    "en": (
        "The library is closed from Friday 5 pm to Saturday 10 am. Books can go into the box.",
        ("Closed from Friday 5 pm to Saturday 10 am.", "Books go into the box."),
    ),
    "ja": (
        "金曜日は職員会議のため図書館は17時に閉館し、土曜日の10時にまた開きます。本は入口の箱に返せます。",
        ("金曜17時から土曜10時まで閉館。", "本は入口の箱に返却できる。"),
    ),
}
"""An example in the form of question and answer."""
TOKENS_PER_CHAR: Final = {"en": 0.5, "ja": 2}
"""Small models spell out kana and kanji by the byte."""
SENTENCE_CHARS: Final = {"en": 160, "ja": 64}
MOST_TOKENS: Final = 512
"""The longest summary of a spec that sets no limit."""


class Summarize:
    """The summarize task of one spec; its words are Japanese for Japanese summaries."""

    def __init__(self, task: SummarizeTask) -> None:
        self.task = task
        self.systems = {tongue: _describe(task, tongue) for tongue in ("en", "ja")}
        self.frames = {tongue: self._frame(tongue) for tongue in ("en", "ja")}

    def render(self, job: Job) -> Prompt:
        """Put one row into the frame that all rows of its language share."""
        return self.render_part(job, job.text)

    def question(self, job: Job) -> Question:
        """Ask for the points as JSON, without the example that small models need."""
        tongue = self._tongue(job.text)
        user = QUESTION[tongue] + job.text
        limit = 2 * self._bound(job.text)
        return Question(job.job_id, self.systems[tongue], user, SCHEMA, limit)

    def read(self, completion: Completion, job: Job) -> Reading:
        """Take the points with the first check they fail, if any."""
        written = read_text(completion, "points")
        if not isinstance(written, Written):
            return written
        points = _split_points(written.value) if written.plain else _as_points(written.value)
        if points is None:
            return nothing("answer_off_schema")
        problem = self._check(points, job.text)
        return score_text(completion, written, {"points": points}, problem)

    def render_part(self, job: Job, text: str) -> Prompt:
        """Ask for the points of a part in the language of the whole row's summary."""
        frame = self.frames[self._tongue(job.text)]
        stop = ("\n\n", "\n" + frame.before.strip())
        return Prompt(job.job_id, frame, text, FreeText(self._bound(text), stop))

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
            problem=self._check(points, job.text),
            again="\n".join(points) if self._is_too_long(points) else None,
        )

    def _is_too_long(self, points: Sequence[str]) -> bool:
        return _exceeds(_sentences(points), self.task.max_sentences) or _exceeds(
            sum(map(len, points)), self.task.max_chars
        )

    def _check(self, points: Sequence[str], source: str) -> str | None:
        """Return the code of the first failed check."""
        text = "\n".join(points)
        checks: tuple[tuple[str, Callable[[], bool]], ...] = (
            ("answer_empty", lambda: not text),
            ("wrong_language", lambda: self._is_foreign(text, source)),
            ("repetition", lambda: repeats(text, source)),
            (
                "numbers_not_in_source",
                lambda: bool(invented_numbers(fold(text).text, fold(source).text)),
            ),
            ("too_many_sentences", lambda: _exceeds(_sentences(points), self.task.max_sentences)),
            ("too_many_chars", lambda: _exceeds(sum(map(len, points)), self.task.max_chars)),
        )
        return next((code for code, fails in checks if fails()), None)

    def _is_foreign(self, text: str, source: str) -> bool:
        """Whether a summary has not the letters of its language, as far as that is known."""
        language = self._language(source)
        if language is None:
            return fits_language(source, "en") and not fits_language(text, "en")
        return not fits_language(text, language)

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
        text, points = SHOWN[tongue]
        shown = "\n- ".join(points[: self.task.max_sentences])
        shot = f"{QUESTION[tongue]}{text}\n{ANSWER[tongue]}{shown}"
        system = f"{self.systems[tongue]}\n\n{shot}"
        return Frame(system, before=QUESTION[tongue], answer_start=ANSWER[tongue])


_detect = lru_cache(maxsize=4)(detect_language)  # the parts of a long row all ask for the row's


def _sentences(points: Sequence[str]) -> int:
    return sum(max(1, len(split_sentences(point))) for point in points)


def _exceeds(number: int, limit: int | None) -> bool:
    return limit is not None and number > limit


def _split_points(text: str) -> list[str]:
    lines = (BULLET.sub("", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def _as_points(value: Any) -> list[str] | None:
    if not isinstance(value, list) or not all(isinstance(point, str) for point in value):
        return None
    return [point.strip() for point in value if point.strip()]


def _describe(task: SummarizeTask, tongue: Tongue) -> str:
    lines = _say_in_japanese(task) if tongue == "ja" else _say_in_english(task)
    return "\n".join([*lines, *([task.instruction] if task.instruction else [])])


def _say_in_japanese(task: SummarizeTask) -> list[str]:
    lines = [
        "次の文を要約し、要点を１行に１つずつ書いてください。文にないことは書かないでください。"
    ]
    if task.max_sentences is not None:
        lines.append(f"全部で{task.max_sentences}文以内にしてください。")
    if task.max_chars is not None:
        lines.append(f"全部で{task.max_chars}字以内にしてください。")
    if task.focus:
        lines.append(f"特に大切なこと: {task.focus}")
    return lines


def _say_in_english(task: SummarizeTask) -> list[str]:
    language = "the language of the text" if task.language == "auto" else NAMES[task.language][0]
    lines = [
        f"Summarize the text in {language}.",
        "Write short points, one a line. Write nothing that is not in the text.",
    ]
    if task.max_sentences is not None:
        lines.append(f"Write at most {task.max_sentences} sentences in all.")
    if task.max_chars is not None:
        lines.append(f"Write at most {task.max_chars} characters in all.")
    if task.focus:
        lines.append(f"What matters most: {task.focus}")
    return lines
