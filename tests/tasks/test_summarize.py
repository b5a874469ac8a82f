"""Summarize: points within their limits, in the right language, with the text's own numbers."""

import json
from typing import Any

import pytest
from hypothesis import given

from jobs.prompt import FreeText
from jobs.spec import SummarizeTask
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
