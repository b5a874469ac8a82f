"""Translate: the answer is another language's text with the same numbers, or has a problem."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import FreeText
from jobs.spec import TranslateTask
from jobs.tasks import Translate
from tests.tasks.making import ANY_TEXT, completions, make_job, talk, write

TO_JAPANESE = Translate(TranslateTask(kind="translate", target_language="ja"))
SOURCE = "I bought it in March for 12,800 yen and I like it."
GOOD = "3月に12,800円で買い、気に入っています。"


def check(target: str, source: str, answer: str) -> str | None:
    """Return the problem of an answer, which both kinds of engine would have."""
    task = Translate(TranslateTask(kind="translate", target_language=target))
    found = {
        task.read(completion, make_job(source)).problem
        for completion in (talk({"text": answer}), write(answer, -0.1))
    }
    assert len(found) == 1
    return found.pop()


def test_the_prompt_shows_examples_in_its_own_form() -> None:
    """The examples are question and answer as the row's own will be; the answer goes on."""
    frame = TO_JAPANESE.tongue("ja").frame
    assert TO_JAPANESE.render(make_job(SOURCE)).frame is frame
    assert frame.answer_start.endswith(" ")
    assert f"{frame.before}The meeting starts at 9:30.\n{frame.answer_start}会議" in frame.system
    german = Translate(TranslateTask(kind="translate", target_language="de")).tongue("de").frame
    assert german.answer_start == "German: "
    assert german.system.startswith("Translate the text into German.")


def test_the_source_language_is_a_hint() -> None:
    """A source language that is given stands in the words and chooses the examples."""
    task = TranslateTask(kind="translate", target_language="en", source_language="fr")
    assert "French text into English" in Translate(task).tongue("en").frame.system
    assert "La réunion" in Translate(task).tongue("en").frame.system
    other = task.model_copy(update={"source_language": "ain", "instruction": "Be polite."})
    assert "Ainu text into English" in Translate(other).tongue("en").frame.system
    assert "Be polite." in Translate(other).question(make_job("x")).system


def test_the_length_of_the_text_bounds_the_answers() -> None:
    """Longer texts may have longer answers; single lines end with the line."""
    limits: list[int] = []
    for text in ("short", "one line " * 50, "two\nlines " * 5_000, "a\n\nb"):
        constraint = TO_JAPANESE.render(make_job(text)).constraint
        assert isinstance(constraint, FreeText)
        limits.append(constraint.max_tokens)
        assert constraint.stop[0] == (
            "\n原文:" if "\n\n" in text else "\n\n" if "\n" in text else "\n"
        )
    assert limits == [64, 768, 4096, 64]


def test_a_question_asks_for_json_without_examples() -> None:
    """An engine that only talks gets the words, the row and the form of the answer."""
    question = TO_JAPANESE.question(make_job(SOURCE))
    assert "会議は" not in question.system
    assert question.user == "原文: " + SOURCE
    assert json.loads(question.schema)["required"] == ["text"]


def test_a_good_translation_is_kept_as_sure_as_its_low_tokens() -> None:
    """The confidence is the probability at the lowest tenth of the tokens."""
    logprobs = [-0.01] * 18 + [-1.0, -3.0]
    reading = TO_JAPANESE.read(write(f" {GOOD}\n", *logprobs), make_job(SOURCE))
    assert (reading.output, reading.problem) == ({"text": GOOD}, None)
    assert reading.confidence == pytest.approx(math.exp(-1.0))
    assert (reading.signals["tokens"], reading.signals["min"]) == (20, -3.0)
    spoken = TO_JAPANESE.read(talk({"text": GOOD}), make_job(SOURCE))
    assert (spoken.output, spoken.confidence, spoken.confidence_source) == (
        {"text": GOOD},
        None,
        "none",
    )


@pytest.mark.parametrize(
    ("target", "source", "answer"),
    [
        ("ja", "Ship 3 boxes at 5 pm on May 2.", "5月2日17時に箱を三つ発送してください。"),
        ("en", "令和8年に120万円でした。", "It was 1.2 million yen in 2026."),
        ("de", "It costs 1,234.50 euros.", "Es kostet 1.234,50 Euro."),
        ("fr", "It weighs 12,000 kg.", "Il pèse 12 000 kg."),
        ("ko", "There are 25 people.", "사람이 25명 있습니다."),
        ("zh", "There are 25 people.", "有25个人。"),
        ("ja", "2026-02-05", "2026-02-05"),
        ("ja", "もう日本語です。", "もう日本語です。"),
        ("ja", "Yamada & Co.", "山田商事"),
    ],
)
def test_sound_translations(target: str, source: str, answer: str) -> None:
    """Numbers may change their spelling, not their value; names may stay short."""
    assert check(target, source, answer) is None


@pytest.mark.parametrize(
    ("target", "source", "answer", "problem"),
    [
        ("ja", SOURCE, "", "answer_empty"),
        ("ja", SOURCE, " \n", "answer_empty"),
        ("ja", SOURCE, SOURCE, "not_translated"),
        ("de", SOURCE, SOURCE.upper(), "not_translated"),
        ("ja", SOURCE, "I purchased it in March for 12,800 yen.", "wrong_language"),
        ("ja", SOURCE, "三月以12,800日元购买我非常喜欢这个产品", "wrong_language"),
        ("en", GOOD, GOOD.replace("買い", "購入し"), "wrong_language"),
        ("ko", SOURCE, GOOD, "wrong_language"),
        ("ja", SOURCE, GOOD.replace("12,800", "12,300"), "numbers_changed"),
        ("ja", SOURCE, "気に入っています。いい買い物でした。", "numbers_changed"),
        ("ja", SOURCE, GOOD + GOOD, "repetition"),
        ("ja", SOURCE, "とてもとてもとてもとてもとても良い", "repetition"),
        ("ja", SOURCE, "良い12,800", "length_off"),
        ("en", "はい。", "Far longer than such a short text could ever need.", "length_off"),
    ],
)  # fmt: skip
def test_unsound_translations(target: str, source: str, answer: str, problem: str) -> None:
    """Every check has its own code."""
    assert check(target, source, answer) == problem


def test_a_failed_check_keeps_the_answer_as_a_suggestion() -> None:
    """A person in review sees what was answered; an empty or a cut answer shows nothing."""
    assert TO_JAPANESE.read(talk({"text": SOURCE}), make_job(SOURCE)).output == {"text": SOURCE}
    assert TO_JAPANESE.read(write("  ", -0.1), make_job(SOURCE)).output is None
    cut = TO_JAPANESE.read(write(GOOD, -0.1, finish="length"), make_job(SOURCE))
    assert (cut.problem, cut.output) == ("answer_cut", None)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (GOOD, "answer_not_json"),
        ('{"text": "' + GOOD, "answer_not_json"),
        ('{"text": null}', "answer_off_schema"),
        ('{"text": 5}', "answer_off_schema"),
        ('{"text": "a", "note": "b"}', "answer_off_schema"),
        ('{"text": "\\ud800"}', "answer_not_text"),
        ('{"text": "\\u0000"}', "answer_not_text"),
    ],
)
def test_what_a_talking_engine_may_not_say(answer: str, problem: str) -> None:
    """An answer to a question is JSON of its form, or none."""
    reading = TO_JAPANESE.read(talk(answer), make_job(SOURCE))
    assert (reading.problem, reading.output) == (problem, None)


@given(completions(ANY_TEXT | ANY_TEXT.map(lambda text: json.dumps({"text": text}))), ANY_TEXT)
def test_reading_never_raises(completion: Any, text: str) -> None:
    """Whatever an engine says, there is a text that any database holds, or a problem."""
    reading = TO_JAPANESE.read(completion, make_job(text))
    assert reading.problem is not None or reading.output is not None
    if reading.output is not None:
        assert list(reading.output) == ["text"]
        reading.output["text"].encode()
    assert reading.confidence is None or 0 <= reading.confidence <= 1


@given(st.integers(13, 10**9), st.integers(13, 10**9))
def test_a_changed_number_is_caught(right: int, wrong: int) -> None:
    """A number of the text stands in the translation, or the check says so."""
    answer = f"これまでの売上は全部で{wrong:,}円でした。"
    problem = check("ja", f"The sales were {right:,} yen in all until now.", answer)
    assert problem == (None if right == wrong else "numbers_changed")


def make(**settings: Any) -> Translate:
    return Translate(TranslateTask(kind="translate", **settings))


def test_any_language_has_a_frame() -> None:
    """A language without built-in examples is asked for by its name; regions share the words."""
    frame = make(target_language="sv").tongue("sv").frame
    assert frame.system.startswith("Translate the text into Swedish.")
    assert (frame.answer_start, frame.before) == ("Swedish: ", "Text: ")
    assert "Text: " not in frame.system
    assert "A reunião começa" in make(target_language="pt-BR").tongue("pt-BR").frame.system
    assert "會議" in make(target_language="zh-TW").tongue("zh-TW").frame.system
    assert "会议" in make(target_language="zh").tongue("zh").frame.system
    assert make(target_language="ja-JP").tongue("ja-JP").frame.before == "原文: "


def test_rows_of_one_language_share_a_frame() -> None:
    """With a column every row is asked for its own language, in that language's frame."""
    task = make(target_language_column="to", target_language="fr")
    rows = [make_job(SOURCE, to=cell) for cell in ("ja", "日本語", " JA", "de", "", "German")]
    frames = [task.render(row).frame for row in rows]
    assert frames[0] is frames[1] is frames[2]
    assert frames[3] is frames[5]
    assert [frame.answer_start for frame in frames] == [
        "日本語訳: ", "日本語訳: ", "日本語訳: ", "German: ", "French: ", "German: ",
    ]  # fmt: skip
    assert "into German" in task.question(rows[3]).system
    answer = write(GOOD, -0.1)
    assert [task.read(answer, row).problem for row in rows[:4]] == [
        None,
        None,
        None,
        "wrong_language",
    ]


def test_the_terms_of_a_row_go_with_its_text() -> None:
    """Rows with terms of the glossary carry them; the frame stays one for all rows."""
    task = make(
        target_language="ja",
        glossary=(
            {"source": "invoice", "target": "請求書"},
            {"source": "branch", "target": "支店"},
        ),
    )
    with_term, without = make_job("Send the Invoices."), make_job("Send the box.")
    assert task.render(with_term).text == "Send the Invoices.\n用語: invoice = 請求書"
    assert task.render(without).text == "Send the box."
    assert task.render(with_term).frame is task.render(without).frame
    assert task.question(with_term).user == "原文: Send the Invoices.\n用語: invoice = 請求書"
    assert "用語" in task.question(without).system
    assert "用語" not in TO_JAPANESE.question(without).system
    english = make(target_language="en", glossary=({"source": "請求書", "target": "invoice"},))
    assert english.render(make_job("請求書を送る")).text == "請求書を送る\nTerms: 請求書 = invoice"
    many = english.render(make_job("請求書\n\nを送る")).constraint
    assert isinstance(many, FreeText)
    assert many.stop == ("\nText:", "\nTerms:")


def test_an_ignored_term_is_a_problem() -> None:
    """A term that stands in the row and not in its translation is found, in parts too."""
    task = make(target_language="ja", glossary=({"source": "invoice", "target": "請求書"},))
    row = make_job("Please send the invoice to our office.")
    assert task.read(write("請求書を事務所に送ってください。", -0.1), row).problem is None
    ignored = task.read(write("インボイスを事務所に送ってください。", -0.1), row)
    assert (ignored.problem, ignored.output) == (
        "glossary_ignored",
        {"text": "インボイスを事務所に送ってください。"},
    )


def test_own_examples_take_the_place_of_the_built_in_ones() -> None:
    """Both kinds of engine see them; those of another language are for its rows alone."""
    task = make(
        target_language_column="to",
        target_language="ja",
        examples=(
            {"text": "Good morning.", "answer": "おはようございます。"},
            {"text": "Good morning.", "answer": "Guten Morgen.", "target_language": "German"},
        ),
    )
    japanese, german = task.tongue("ja"), task.tongue("de")
    assert "原文: Good morning.\n日本語訳: おはようございます。" in japanese.frame.system
    assert "会議" not in japanese.frame.system
    assert "Guten Morgen" not in japanese.frame.system
    assert (
        'Text: Good morning.\n{"text":"Guten Morgen."}'
        in task.question(make_job("x", to="de")).system
    )
    assert "Text: Good morning.\nGerman: Guten Morgen." in german.frame.system
    assert "La réunion" in task.tongue("fr").frame.system


def test_an_answer_to_a_question_is_json_also_with_scores() -> None:
    """What was asked decides how an answer is read, not whether its tokens have scores."""
    answer = json.dumps({"text": GOOD}, ensure_ascii=False)
    scored = replace(write(answer, *[-0.5] * len(answer.encode())), asked="question")
    reading = TO_JAPANESE.read(scored, make_job(SOURCE))
    assert (reading.output, reading.problem) == ({"text": GOOD}, None)
    assert reading.confidence == pytest.approx(math.exp(reading.signals["q10"]))
    plain = TO_JAPANESE.read(replace(scored, asked="prompt"), make_job(SOURCE))
    assert plain.output == {"text": answer}


def test_a_text_in_the_target_language_may_stand_as_it_is() -> None:
    """Where rows name their languages, some texts are in the wanted one already."""
    said = "The delivery arrived two days late and the box was damaged."
    assert check("en", said, said) is None
    assert check("de", said, said) == "not_translated"


def test_confidence_is_the_low_quantile_that_is_stored() -> None:
    """A stored signal explains the number."""
    reading = TO_JAPANESE.read(write(GOOD, -0.1, -0.7, -2.0), make_job(SOURCE))
    assert reading.confidence == pytest.approx(math.exp(reading.signals["q10"]))
