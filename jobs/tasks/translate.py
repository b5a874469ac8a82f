"""Translate: a row's text in another language, with its numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from jobs.job import Job
from jobs.prompt import Completion, Frame, FreeText, Prompt, Question
from jobs.spec import LanguageCode, TranslateTask
from jobs.tasks.answers import bound_tokens, closed_object, compact_json
from jobs.tasks.folding import fold
from jobs.tasks.languages import CJK, NAMES, fits_language, repeats, weigh
from jobs.tasks.merging import find_broken, find_least_sure, join_texts
from jobs.tasks.numbers import lost_numbers
from jobs.tasks.protocol import Part, Reading, nothing
from jobs.tasks.writing import Written, blank_line_stops, read_text, score_text

SHOTS: Final[Mapping[str, tuple[str, str]]] = {
    "ja": ("会議は9時30分に始まります。", "見本を3箱、送り返してください。"),
    "en": ("The meeting starts at 9:30.", "Please send 3 boxes of samples back."),
    "de": ("Die Besprechung beginnt um 9:30 Uhr.", "Bitte senden Sie 3 Kisten Muster zurück."),
    "fr": ("La réunion commence à 9:30.", "Veuillez renvoyer 3 cartons d'échantillons."),
    "zh": ("会议9点30分开始。", "请退回3箱样品。"),
    "ko": ("회의는 9시 30분에 시작합니다.", "견본 3상자를 돌려보내 주세요."),
}
"""The same two sentences in every language, shown as examples of question and answer."""
SCHEMA: Final = compact_json(closed_object({"text": {"type": "string"}}))
MIN_RATIO: Final = 0.3
MAX_RATIO: Final = 3.5
SHORT_WEIGHT: Final = 20
"""Texts up to this many Latin letters may be translated by much shorter or longer ones."""
TOKENS_PER_BYTE: Final = 1.5
"""Small models spell out kana and kanji by the byte."""


class Translate:
    """The translate task of one spec; its words are Japanese if the target is."""

    def __init__(self, task: TranslateTask) -> None:
        self.target: LanguageCode = task.target_language
        japanese = self.target == "ja"
        self.system = _describe(task)
        before = "原文: " if japanese else "Text: "
        answer = "日本語訳: " if japanese else f"{NAMES[self.target][0]}: "
        pairs = zip(SHOTS[_shown_source(task)], SHOTS[self.target], strict=True)
        shots = [f"{before}{source}\n{answer}{target}" for source, target in pairs]
        system = "\n\n".join([self.system, *shots])
        self.frame = Frame(system, before=before, answer_start=answer)

    def render(self, job: Job) -> Prompt:
        """Put one row into the frame that all rows share; its length bounds the answer's."""
        stop = blank_line_stops(job.text, self.frame.before)
        return Prompt(job.job_id, self.frame, job.text, FreeText(_bound(job.text), stop))

    def question(self, job: Job) -> Question:
        """Ask for the translation as JSON, without the examples that small models need."""
        user = self.frame.before + job.text
        return Question(job.job_id, self.system, user, SCHEMA, _bound(job.text))

    def read(self, completion: Completion, job: Job) -> Reading:
        """Take the translation with the first check it fails, if any."""
        written = read_text(completion, "text")
        if not isinstance(written, Written):
            return written
        text = written.value
        if not isinstance(text, str):
            return nothing("answer_off_schema")
        output = {"text": text.strip()}
        return score_text(completion, written, output, self._check(text.strip(), job.text))

    def render_part(self, job: Job, text: str) -> Prompt:
        """Ask for the translation of a part."""
        return self.render(replace(job, text=text))

    def question_part(self, job: Job, text: str) -> Question:
        """Ask an engine that only talks about a part."""
        return self.question(replace(job, text=text))

    def merge(self, parts: Sequence[Part], job: Job) -> Reading:
        """Join the translations in order; one that fails a check by itself fails the row too.

        What one part has lost may not be seen in the whole.
        """
        readings = [self.read(part.completion, replace(job, text=part.text)) for part in parts]
        broken = find_broken(readings)
        if broken is not None:
            return broken
        texts = [str((reading.output or {})["text"]) for reading in readings]
        text = join_texts(parts, texts, job.text, self.target)
        problems = (self._check(text, job.text), *(reading.problem for reading in readings))
        least = find_least_sure(readings)
        problem = next((code for code in problems if code), None)
        return replace(least, output={"text": text}, problem=problem)

    def _check(self, text: str, source: str) -> str | None:
        """Return the code of the first failed check."""
        checks: tuple[tuple[str, Callable[[], bool]], ...] = (
            ("answer_empty", lambda: not text),
            ("not_translated", lambda: _is_copy(text, source, self.target)),
            ("wrong_language", lambda: not fits_language(text, self.target)),
            ("repetition", lambda: repeats(text, source)),
            ("length_off", lambda: not _length_fits(weigh(text), weigh(source))),
            ("numbers_changed", lambda: bool(lost_numbers(fold(source).text, fold(text).text))),
        )
        return next((code for code, fails in checks if fails()), None)


def _describe(task: TranslateTask) -> str:
    japanese = task.target_language == "ja"
    english_name, japanese_name = NAMES[task.target_language]
    hint = task.source_language
    if japanese:
        source = NAMES.get(hint, (hint, hint))[1] + "の" if hint != "auto" else "次の"
        first = f"{source}文を{japanese_name}に翻訳してください。訳文だけを書いてください。"
        rules = "数字、固有名詞、改行はそのまま残してください。"
    else:
        source = NAMES.get(hint, (hint, hint))[0] + " text" if hint != "auto" else "text"
        first = f"Translate the {source} into {english_name}. Write only the translation."
        rules = "Keep all numbers, names and line breaks."
    return "\n".join([first, rules, *([task.instruction] if task.instruction else [])])


def _shown_source(task: TranslateTask) -> str:
    if task.source_language in SHOTS:
        return task.source_language
    return "ja" if task.target_language == "en" else "en"


def _bound(text: str) -> int:
    return bound_tokens(32 + math.ceil(TOKENS_PER_BYTE * len(text.encode("utf-8", "replace"))))


def _is_copy(text: str, source: str, target: LanguageCode) -> bool:
    """Whether an answer is its source, where that was not in the target language already.

    A source without letters, or in letters that are the target's alone, may stand as it is.
    """
    if fold(text).text.strip() != fold(source).text.strip():
        return False
    if not any(character.isalpha() for character in source):
        return False
    return target not in CJK or not fits_language(source, target)


def _length_fits(text: float, source: float) -> bool:
    if source <= SHORT_WEIGHT:
        return text <= MAX_RATIO * source + SHORT_WEIGHT
    return MIN_RATIO * source <= text <= MAX_RATIO * source
