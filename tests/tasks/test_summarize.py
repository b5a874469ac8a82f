"""Summarize: points within their limits, in the right language, with the text's own numbers."""

import json
import math
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jobs.errors import UsageError
from jobs.job import Job
from jobs.prompt import FreeText
from jobs.spec import SummarizeTask, parse_spec
from jobs.tasks import Summarize
from tests.tasks.making import ANY_TEXT, completions, make_job, talk, write

ENGLISH = (
    "The shelves come on Tuesday. Sales rose by 12% to 1,500 in February. "
    "Two people are ill. The next meeting is on 10 March at 9:00."
)
JAPANESE = "新しい棚は火曜日に届く。２月の売上は12％増えて1,500冊だった。次回は３月10日の９時から。"


def make(**keys: Any) -> Summarize:
    """A task with these keys."""
    return Summarize(SummarizeTask(kind="summarize", **keys))


def check(task: Summarize, source: str, *points: str) -> str | None:
    """Return the problem of a summary, which both kinds of engine would have."""
    completions = (talk({"points": points}), write("\n- ".join(points), -0.1))
    found = {task.read(completion, make_job(source)).problem for completion in completions}
    assert len(found) == 1
    return found.pop()


def test_the_words_are_in_the_language_of_the_summary() -> None:
    """Each row is asked in its own language, or all in the spec's."""
    own, japanese = make(), make(language="ja")
    assert own.render(make_job(ENGLISH)).frame.before == "Text: "
    assert own.render(make_job(JAPANESE)).frame.before == "文: "
    assert japanese.render(make_job(ENGLISH)).frame.before == "文: "
    assert "in German" in make(language="de").render(make_job(JAPANESE)).frame.system


def test_the_prompt_names_limits_and_focus() -> None:
    """Limits, focus and own words stand in the prompt; the example keeps the limit too."""
    task = make(max_sentences=1, max_chars=80, focus="dates", instruction="Be brief.")
    for text, words in ((ENGLISH, ("1 sentences", "80 characters")), (JAPANESE, ("1文", "80字"))):
        frame = task.render(make_job(text)).frame
        assert all(word in frame.system for word in (*words, "dates", "Be brief."))
        assert frame.system.count("\n- ") == 1
        assert frame.answer_start.endswith("- ")
    assert json.loads(task.question(make_job(ENGLISH)).schema)["required"] == ["points"]
    assert "library" not in task.question(make_job(ENGLISH)).system


def test_limits_bound_the_answer() -> None:
    """The answer may be as long as the limits or the text allow, never endless."""

    def limit(task: Summarize, text: str) -> int:
        constraint = task.render(make_job(text)).constraint
        assert isinstance(constraint, FreeText)
        return constraint.max_tokens

    assert limit(make(), "x" * 100_000) == 512
    assert limit(make(max_sentences=1), "x" * 100_000) == 128
    assert limit(make(), "x" * 40) == 64
    assert limit(make(max_chars=100), JAPANESE * 99) == 256


def test_prose_is_a_list_of_paragraphs() -> None:
    """The output keeps its form: an item for each paragraph, nothing taken for a bullet."""
    task = make(form="prose")
    answer = "The shelves come on Tuesday. Sales rose.\n- 12% in February, and 1,500 in all."
    points = ["The shelves come on Tuesday. Sales rose.", "- 12% in February, and 1,500 in all."]
    reading = task.read(write(answer, -0.1), make_job(ENGLISH))
    assert (reading.output, reading.problem) == ({"points": points}, None)
    for text, words in ((ENGLISH, "not a list"), (JAPANESE, "箇条書きにせず")):
        frame = task.render(make_job(text)).frame
        assert words in frame.system
        assert not frame.answer_start.endswith("- ")
        assert "\n- " not in frame.system


def test_each_row_has_its_own_focus() -> None:
    """It stands in the row's own turn, so that rows share a frame; an empty one is the spec's."""
    task = make(focus="the price", focus_column="about")
    rows = {
        about: Job(7, "b1", 1, "r1", ENGLISH, 0, attributes={"about": about})
        for about in ("dates\nand  times", " ")
    }
    prompts = {about: task.render(row) for about, row in rows.items()}
    texts = {about: prompt.text for about, prompt in prompts.items()}
    assert texts["dates\nand  times"] == ENGLISH + "\nWhat matters most: dates and times"
    assert texts[" "] == ENGLISH + "\nWhat matters most: the price"
    assert len({prompt.frame for prompt in prompts.values()}) == 1
    assert "the price" not in prompts[" "].frame.system
    assert task.question(rows[" "]).user == "Text: " + texts[" "]
    part = task.render_part(rows[" "], "Two people are ill.")
    assert part.text == "Two people are ill.\nWhat matters most: the price"
    assert make(focus_column="about").render(make_job(ENGLISH)).text == ENGLISH
    assert make(focus_column="about").task.columns == ("about",)
    assert make(focus="x").task.columns == ()


EXAMPLES = (
    {"text": "It rains. We stay.", "answer": ["It rains."], "focus": "weather"},
    {"text": "雨です。家にいます。", "answer": "雨が降る。\n家にいる。"},
)


def test_examples_are_shown() -> None:
    """In the language of the row, in prompt and question, in the place of the built-in one."""
    task = make(examples=EXAMPLES)
    english, japanese = (task.render(make_job(text)).frame.system for text in (ENGLISH, JAPANESE))
    assert english.endswith("Text: It rains. We stay.\nSummary:\n- It rains.")
    assert japanese.endswith("文: 雨です。家にいます。\n要約:\n- 雨が降る。\n- 家にいる。")
    assert "library" not in english
    question = task.question(make_job(JAPANESE)).system
    assert question.endswith('文: 雨です。家にいます。\n{"points":["雨が降る。","家にいる。"]}')
    assert "It rains" not in question
    only = make(examples=EXAMPLES[:1])
    assert "図書館" in only.render(make_job(JAPANESE)).frame.system
    everywhere = make(language="ja", examples=EXAMPLES).render(make_job(ENGLISH)).frame.system
    assert "It rains." in everywhere
    focused = make(examples=EXAMPLES, focus_column="about").render(make_job(ENGLISH)).frame
    assert "We stay.\nWhat matters most: weather\nSummary:" in focused.system
    prose = make(examples=EXAMPLES, form="prose").render(make_job(JAPANESE)).frame
    assert prose.system.endswith("要約:\n雨が降る。\n家にいる。")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("3", "list of points, or a string"),
        ("[1]", "list of points, or a string"),
        ('""', "empty"),
        ('[" "]', "empty"),
        ('["a\\nb"]', "more than one line"),
        ('["a", "b", "c"]', "max_sentences"),
        ('"This answer is far too long for it."', "max_chars"),
    ],
)
def test_wrong_examples_are_refused(answer: str, words: str) -> None:
    """The complaint names the example by its number, and nothing of what it says."""
    spec = f"""
name = "mine"
[input]
text = "body"
[task]
kind = "summarize"
max_sentences = 2
max_chars = 20
[[task.examples]]
text = "secret"
answer = "fine"
[[task.examples]]
text = "secret"
answer = {answer}
"""
    with pytest.raises(UsageError) as caught:
        parse_spec(spec, "my.toml")
    problem = str(caught.value.params["problem"])
    assert problem.startswith("example 2: ")
    assert words in problem
    assert "secret" not in problem


def test_new_keys_leave_an_old_hash_as_it_was() -> None:
    """What a spec does not say is not in its hash."""
    head = 'name = "mine"\n[input]\ntext = "body"\n[task]\nkind = "summarize"\n'
    plain = parse_spec(head, "a.toml").hash()
    assert parse_spec(head + 'form = "list"\nexamples = []', "a.toml").hash() == plain
    assert parse_spec(head + 'form = "prose"', "a.toml").hash() != plain


def test_a_question_may_be_answered_with_scores() -> None:
    """JSON with tokens is read as JSON, as sure as the tokens of its points."""
    answer = '{"points":["The shelves come on Tuesday."]}'
    scored = replace(write(answer, *[-0.5] * len(answer)), asked="question")
    reading = make().read(scored, make_job(ENGLISH))
    assert (reading.output, reading.problem) == (
        {"points": ["The shelves come on Tuesday."]},
        None,
    )
    assert reading.confidence == pytest.approx(math.exp(reading.signals["q10"]))
    assert reading.confidence_source == "token_logprobs"
    assert make().read(replace(scored, asked="prompt"), make_job(ENGLISH)).output != reading.output


def test_lines_are_points() -> None:
    """Bullets and numbers of lines are no part of a point; numbers in it are."""
    answer = "The shelves come on Tuesday.\n* 12% more sales\n\n2. Next: 10 March\n・1,500 sold"
    reading = make().read(write(answer, -0.1, -0.2), make_job(ENGLISH))
    points = [
        "The shelves come on Tuesday.",
        "12% more sales",
        "Next: 10 March",
        "1,500 sold",
    ]
    assert (reading.output, reading.problem) == ({"points": points}, None)
    assert reading.confidence is not None


@pytest.mark.parametrize(
    ("source", "points"),
    [
        (ENGLISH, ("2 people ill", "12 percent more in Feb", "Meeting March 10, 9 am")),
        (JAPANESE, ("売上は12%増の1500冊", "次回は3月10日9時")),
    ],
)
def test_sound_summaries(source: str, points: tuple[str, ...]) -> None:
    """Numbers may be spelled otherwise than in the text."""
    assert check(make(max_sentences=3, max_chars=100), source, *points) is None


@pytest.mark.parametrize(
    ("source", "points", "problem"),
    [
        (ENGLISH, ("",), "answer_empty"),
        (ENGLISH, ("Sales rose by 13%.",), "numbers_not_in_source"),
        (ENGLISH, ("Three people are ill.",), "numbers_not_in_source"),
        (ENGLISH, ("The shelves come on Monday.",), "dates_not_in_source"),
        (ENGLISH, ("The next meeting is on 10 February.",), "dates_not_in_source"),
        (ENGLISH, ("The shelves from Okafor come.",), "names_not_in_source"),
        (JAPANESE, ("佐藤さんの棚が届く。",), "names_not_in_source"),
        (JAPANESE, ("棚が届く。", "The next one is soon."), "wrong_language"),
        (ENGLISH, ("The shelves come on Tuesday and",), "answer_unfinished"),
        (ENGLISH, ("Sales rose to 1,500 there.", "Sales rose to 1,500, there!"), "repetition"),
        (JAPANESE, ("売上は1,600冊だった。",), "numbers_not_in_source"),
        (JAPANESE, ("The shelves come on Tuesday.",), "wrong_language"),
        (ENGLISH, ("棚は火曜日に届きます。",), "wrong_language"),
        (ENGLISH, ("The shelves come soon.", "The shelves come soon."), "repetition"),
        (ENGLISH, ("Shelves come. People are ill. Sales rose. They meet.",), "too_many_sentences"),
        (
            JAPANESE,
            ("棚が届く。", "売上が増えた。", "会議がある。", "以上。"),
            "too_many_sentences",
        ),
        (ENGLISH, ("Shelves come on Tuesday and sales rose in February" * 2,), "too_many_chars"),
    ],
)
def test_unsound_summaries(source: str, points: tuple[str, ...], problem: str) -> None:
    """Every check has its own code."""
    assert check(make(max_sentences=3, max_chars=90), source, *points) == problem


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("- a point", "answer_not_json"),
        ('{"points": "a"}', "answer_off_schema"),
        ('{"points": [1]}', "answer_off_schema"),
        ('{"points": []}', "answer_empty"),
        ('{"points": ["\\ud800"]}', "answer_not_text"),
        ('{"summary": ["a"]}', "answer_off_schema"),
    ],
)
def test_what_a_talking_engine_may_not_say(answer: str, problem: str) -> None:
    """An answer to a question is a list of points, or none."""
    reading = make().read(talk(answer), make_job(ENGLISH))
    assert (reading.problem, reading.output) == (problem, None)


def test_a_cut_summary_is_none() -> None:
    """A summary without its end is not shown as one."""
    reading = make().read(write("The shelves come", -0.1, finish="length"), make_job(ENGLISH))
    assert (reading.problem, reading.output) == ("answer_cut", None)


@given(completions(ANY_TEXT | ANY_TEXT.map(lambda text: json.dumps({"points": [text]}))), ANY_TEXT)
def test_reading_never_raises(completion: Any, text: str) -> None:
    """Whatever an engine says, there are points that any database holds, or a problem."""
    reading = make(max_sentences=2, max_chars=50).read(completion, make_job(text))
    assert reading.problem is not None or reading.output is not None
    if reading.output is not None:
        assert reading.output["points"]
        assert all(point.strip() and point.encode() for point in reading.output["points"])
    assert reading.confidence is None or 0 <= reading.confidence <= 1


SENTENCES = (
    "Ms. Okada of Brandt and Sons sends 140 shelves.",
    "Sales in Hamburg rose by 37 percent to 1,582 pieces.",
    "The room of Kirsty Williams has 254 seats and 36 lamps.",
    "Peter asked Ines for 73 keys.",
    "The Canadian office lost 4,619 letters.",
    "岡田さんは横浜で棚を140台買った。",
    "熊本県の売上は37％増えて1582個になった。",
    "スペイン村の入場券が254枚残っている。",
)


@given(st.lists(st.sampled_from(SENTENCES[:5]), min_size=1, unique=True))
def test_own_sentences_in_any_order_have_sound_numbers_and_names(points: list[str]) -> None:
    """A summary of the text's own English sentences fails no check of facts."""
    reading = make().read(talk({"points": points}), make_job("\n".join(SENTENCES[:5])))
    assert reading.problem is None


@given(st.lists(st.sampled_from(SENTENCES[5:]), min_size=1, unique=True))
def test_own_japanese_sentences_in_any_order_have_sound_numbers(points: list[str]) -> None:
    """The same in Japanese."""
    reading = make().read(talk({"points": points}), make_job("".join(SENTENCES[5:])))
    assert reading.problem is None


@given(st.sampled_from(SENTENCES), st.data())
def test_any_changed_digit_is_found(sentence: str, data: st.DataObject) -> None:
    """Unless the new number stands in the text as well."""
    half = SENTENCES[:5] if sentence in SENTENCES[:5] else SENTENCES[5:]
    places = [at for at, character in enumerate(sentence) if character in "0123456789"]
    at = data.draw(st.sampled_from(places))
    digit = data.draw(st.sampled_from("123456789".replace(sentence[at], "")))
    changed = sentence[:at] + digit + sentence[at + 1 :]
    numbers = re.findall("[0-9,]+", changed)
    assume(all(number in sentence or number not in "\n".join(half) for number in numbers))
    reading = make().read(talk({"points": [changed]}), make_job("\n".join(half)))
    assert reading.problem == "numbers_not_in_source"
