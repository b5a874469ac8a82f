"""Translate: a row's text in another language, with its numbers, names, terms and markup."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from jobs.job import Job
from jobs.prompt import Completion, Frame, FreeText, Prompt, Question
from jobs.spec import TranslateTask, base_language, name_language
from jobs.tasks.answers import bound_tokens, closed_object, compact_json
from jobs.tasks.faithful import find_problem
from jobs.tasks.merging import find_broken, find_least_sure, join_texts
from jobs.tasks.protocol import Part, Reading, nothing
from jobs.tasks.terms import Glossary, write_terms
from jobs.tasks.writing import Written, blank_line_stops, read_text, score_text

SHOTS: Final[Mapping[str, tuple[str, str]]] = {
    "ja": ("会議は9時30分に始まります。", "見本を3箱、送り返してください。"),
    "en": ("The meeting starts at 9:30.", "Please send 3 boxes of samples back."),
    "de": ("Die Besprechung beginnt um 9:30 Uhr.", "Bitte senden Sie 3 Kisten Muster zurück."),
    "fr": ("La réunion commence à 9:30.", "Veuillez renvoyer 3 cartons d'échantillons."),
    "zh": ("会议9点30分开始。", "请退回3箱样品。"),
    "ko": ("회의는 9시 30분에 시작합니다.", "견본 3상자를 돌려보내 주세요."),
    "es": ("La reunión empieza a las 9:30.", "Por favor, devuelva 3 cajas de muestras."),
    "it": ("La riunione inizia alle 9:30.", "Si prega di restituire 3 scatole di campioni."),
    "nl": ("De vergadering begint om 9:30 uur.", "Stuur 3 dozen met monsters terug, alstublieft."),
    "pt": ("A reunião começa às 9:30.", "Por favor, devolva 3 caixas de amostras."),
    "zh-Hant": ("會議9點30分開始。", "請退回3箱樣品。"),
}
"""The same two sentences in every language, shown as examples of question and answer."""
TRADITIONAL: Final = frozenset({"zh-Hant", "zh-TW", "zh-HK", "zh-MO"})
SCHEMA: Final = compact_json(closed_object({"text": {"type": "string"}}))
TOKENS_PER_BYTE: Final = 1.5
"""Small models spell out kana and kanji by the byte."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """What all rows of one target language share.

    `system` are the words without examples; `shown` holds the spec's own ones, for questions.
    """

    code: str
    system: str
    shown: str
    frame: Frame
    terms: str
    glossary: Glossary


class Translate:
    """The translate task of one spec; its words are Japanese where the target is."""

    def __init__(self, task: TranslateTask) -> None:
        self.task = task
        self._tongues: dict[str, Tongue] = {}

    def tongue(self, code: str) -> Tongue:
        """Return what the rows of a target language share, the same object for all of them."""
        if code not in self._tongues:
            self._tongues[code] = _build_tongue(self.task, code)
        return self._tongues[code]

    def render(self, job: Job) -> Prompt:
        """Put one row into the frame that all rows of its language share.

        The glossary's terms that stand in it go with its text. Its length bounds the answer's.
        """
        tongue = self._tongue_of(job)
        stop = blank_line_stops(job.text, tongue.frame.before)
        if tongue.terms and stop[0].startswith("\n" + tongue.frame.before.strip()):
            stop = (*stop, "\n" + tongue.terms.strip())
        text = _with_terms(job.text, tongue)
        return Prompt(job.job_id, tongue.frame, text, FreeText(_bound(job.text), stop))

    def question(self, job: Job) -> Question:
        """Ask for the translation as JSON; of examples, only the spec's own are shown."""
        tongue = self._tongue_of(job)
        user = tongue.frame.before + _with_terms(job.text, tongue)
        return Question(job.job_id, tongue.shown, user, SCHEMA, _bound(job.text))

    def read(self, completion: Completion, job: Job) -> Reading:
        """Take the translation with the first check it fails, if any.

        Its confidence is exp of the signal q10: the log-probability at the lowest tenth of the
        tokens that wrote it.
        """
        written = read_text(completion, "text")
        if not isinstance(written, Written):
            return written
        text = written.value
        if not isinstance(text, str):
            return nothing("answer_off_schema")
        output = {"text": text.strip()}
        return score_text(completion, written, output, self._check(text.strip(), job))

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
        language = base_language(self._tongue_of(job).code)
        text = join_texts(parts, texts, job.text, language)
        problems = (self._check(text, job), *(reading.problem for reading in readings))
        least = find_least_sure(readings)
        problem = next((code for code in problems if code), None)
        return replace(least, output={"text": text}, problem=problem)

    def _tongue_of(self, job: Job) -> Tongue:
        return self.tongue(self.task.language_of(job.attributes))

    def _check(self, text: str, job: Job) -> str | None:
        tongue = self._tongue_of(job)
        return find_problem(text, job.text, tongue.code, tongue.glossary)


def _build_tongue(task: TranslateTask, code: str) -> Tongue:
    japanese = base_language(code) == "ja"
    before = "原文: " if japanese else "Text: "
    answer = "日本語訳: " if japanese else f"{name_language(code)[0]}: "
    system = _describe(task, code)
    own = [
        (example.text, example.answer)
        for example in task.examples
        if (example.target_language or task.target_language) == code
    ]
    shots = [
        f"{before}{text}\n{answer}{translated}" for text, translated in own or _shots(task, code)
    ]
    shown = [f"{before}{text}\n{compact_json({'text': translated})}" for text, translated in own]
    return Tongue(
        code=code,
        system=system,
        shown="\n\n".join([system, *shown]),
        frame=Frame("\n\n".join([system, *shots]), before=before, answer_start=answer),
        terms="用語: " if japanese else "Terms: ",
        glossary=Glossary(task.glossary, code),
    )


def _describe(task: TranslateTask, code: str) -> str:
    english_name, japanese_name = name_language(code)
    hint = task.source_language
    if base_language(code) == "ja":
        source = "次の" if hint == "auto" else name_language(hint)[1] + "の"
        first = f"{source}文を{japanese_name}に翻訳してください。訳文だけを書いてください。"
        rules = "数字、固有名詞、改行はそのまま残してください。"
        terms = "「用語」に訳語が示されていれば、必ずその訳語を使ってください。"
    else:
        source = "text" if hint == "auto" else name_language(hint)[0] + " text"
        first = f"Translate the {source} into {english_name}. Write only the translation."
        rules = "Keep all numbers, names and line breaks."
        terms = 'Where "Terms" gives a translation for a term, use it.'
    lines = [first, rules, *([terms] if task.glossary else [])]
    return "\n".join([*lines, *([task.instruction] if task.instruction else [])])


def _shots(task: TranslateTask, code: str) -> list[tuple[str, str]]:
    """Return the built-in examples for a language; none for one that there are none for."""
    target = _shown(code)
    source = _shown(task.source_language) or ("ja" if base_language(code) == "en" else "en")
    if target is None or source == target:
        return []
    return list(zip(SHOTS[source], SHOTS[target], strict=True))


def _shown(code: str) -> str | None:
    chosen = "zh-Hant" if code in TRADITIONAL else base_language(code)
    return chosen if chosen in SHOTS else None


def _with_terms(text: str, tongue: Tongue) -> str:
    """Return a row's text with the glossary's terms that stand in it on a line of their own."""
    found = tongue.glossary.find(text)
    return f"{text}\n{tongue.terms}{write_terms(found)}" if found else text


def _bound(text: str) -> int:
    return bound_tokens(32 + math.ceil(TOKENS_PER_BYTE * len(text.encode("utf-8", "replace"))))
