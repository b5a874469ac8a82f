"""The answers to the parts of a long row become one, checked against the whole text."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import Completion, JsonText
from jobs.spec import ClassifyTask, ExtractTask, Label, LanguageCode, SummarizeTask, TranslateTask
from jobs.tasks import Classify, Extract, Part, Reading, Summarize, Task, Translate
from jobs.tasks.parts import cut
from tests.tasks.making import ANY_TEXT, completions, make_job, write, write_bytes

CLASSIFY = Classify(ClassifyTask(kind="classify", labels=(Label(name="a"), Label(name="b"))))
EXTRACT = Extract(
    ExtractTask.model_validate(
        {
            "kind": "extract",
            "fields": {
                "vendor": {"type": "string"},
                "total": {"type": "integer"},
                "paid": {"type": "boolean", "required": False},
            },
        }
    )
)
TO_ENGLISH = Translate(TranslateTask(kind="translate", target_language="en"))
TASKS: tuple[Task, ...] = (
    CLASSIFY,
    EXTRACT,
    TO_ENGLISH,
    Summarize(SummarizeTask(kind="summarize")),
)


def merge(task: Task, whole: str, answers: Sequence[tuple[str, Completion]]) -> Reading:
    """Merge the answers to parts, which stand in the text in this order."""
    parts, at = [], 0
    for text, completion in answers:
        at = whole.index(text, at)
        parts.append(Part(text, at, completion))
        at += len(text)
    return task.merge(parts, make_job(whole))


def choose(first: float) -> Completion:
    """Scores for two labels."""
    scores = (("a", first), ("b", 1 - first))
    label = max(scores, key=lambda score: score[1])[0]
    return Completion(7, label, scores, confidence_source="label_probability", finish="choice")


def test_labels_take_the_mean_of_the_logarithms_by_length() -> None:
    """A long part weighs more than a short one; the scores sum to one again."""
    reading = merge(CLASSIFY, "xxx y", [("xxx", choose(0.2)), ("y", choose(0.9))])
    a, b = 0.2 ** (3 / 4) * 0.9 ** (1 / 4), 0.8 ** (3 / 4) * 0.1 ** (1 / 4)
    assert reading.output == {"label": "b"}
    assert reading.confidence == pytest.approx(b / (a + b))
    assert sum(reading.signals["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    same = merge(CLASSIFY, "x y", [("x", choose(0.9)), ("y", choose(0.9))])
    assert same.confidence == pytest.approx(0.9)


def test_a_label_that_is_impossible_somewhere() -> None:
    """A probability of zero is very unlikely, not an error."""
    reading = merge(CLASSIFY, "x y", [("x", choose(0.0)), ("y", choose(0.6))])
    assert reading.output == {"label": "b"}


def record(vendor: Any, total: Any, paid: Any, logprob: float = 0.0) -> Completion:
    """The answer to a part; `logprob` is that of the total."""
    values = {"vendor": vendor, "total": total, "paid": paid}
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return write_bytes(text, {json.dumps(total): logprob})


def test_a_part_need_not_hold_every_field() -> None:
    """Parts may say null where the whole row may not; the words and the schema say so."""
    prompt = EXTRACT.render_part(make_job("whole"), "part")
    assert prompt.text == "part"
    assert isinstance(prompt.constraint, JsonText)
    schema = json.loads(prompt.constraint.schema)["properties"]
    assert schema["vendor"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert "null" in prompt.frame.system


def test_fields_come_from_the_part_that_holds_them() -> None:
    """Spans are those of the whole text, also where the value stands in it twice."""
    whole = "Minato, again Minato. The total is 12. Paid."
    reading = merge(
        EXTRACT,
        whole,
        [
            ("Minato,", record(None, None, None)),
            ("again Minato.", record("Minato", None, None)),
            ("The total is 12. Paid.", record(None, 12, True)),
        ],
    )
    assert (reading.output, reading.problem) == (
        {"vendor": "Minato", "total": 12, "paid": True},
        None,
    )
    assert reading.fields is not None
    assert reading.fields["vendor"].span == (14, 20)
    assert reading.fields["total"].span == (35, 37)
    assert reading.confidence == pytest.approx(1)


def test_a_grounded_value_beats_a_surer_one_that_is_not() -> None:
    """What one part invents loses to what another holds; null loses to any value."""
    reading = merge(
        EXTRACT,
        "About Minato. Total 12.",
        [
            ("About Minato.", record("Minato", 99, None)),
            ("Total 12.", record("Blue Door", 12, None, logprob=-1.0)),
        ],
    )
    assert reading.output == {"vendor": "Minato", "total": 12, "paid": None}
    assert reading.problem is None
    assert reading.fields is not None
    assert reading.fields["total"].confidence == pytest.approx(math.exp(-1))


def test_parts_that_disagree_are_less_sure() -> None:
    """The surer value is taken, at half its confidence where the other is as sure."""
    answers = [
        ("Total 12.", record(None, 12, None, logprob=-0.5)),
        ("Total 15.", record(None, 15, None, logprob=-0.5)),
    ]
    reading = merge(EXTRACT, "Total 12. Total 15.", answers)
    assert reading.fields is not None
    assert reading.fields["total"].value == 12
    assert reading.fields["total"].confidence == pytest.approx(math.exp(-0.5) / 2)
    agreed = merge(EXTRACT, "Total 12. Total 12.", [answers[0], ("Total 12.", answers[0][1])])
    assert agreed.fields is not None
    assert agreed.fields["total"].confidence == pytest.approx(math.exp(-0.5))


def test_what_no_part_holds_is_missing() -> None:
    """A required field that is null everywhere has a problem, one that is not has none."""
    reading = merge(
        EXTRACT,
        "Total 12. Nothing else.",
        [("Total 12.", record(None, 12, None)), ("Nothing else.", record("", None, None))],
    )
    assert reading.fields is not None
    assert reading.fields["vendor"].problem == reading.problem == "value_missing"
    assert (reading.fields["paid"].value, reading.fields["paid"].problem) == (None, None)


def test_a_value_from_elsewhere_in_the_text_is_grounded() -> None:
    """The check is against the whole row."""
    reading = merge(
        EXTRACT,
        "About Minato. Total 12.",
        [("About Minato.", record(None, 12, None)), ("Total 12.", record("Minato", None, None))],
    )
    assert (reading.problem, reading.output) == (
        None,
        {"vendor": "Minato", "total": 12, "paid": None},
    )
    assert reading.fields is not None
    assert reading.fields["vendor"].span == (6, 12)


@pytest.mark.parametrize(
    ("language", "whole", "parts", "texts", "joined"),
    [
        (
            "en",
            "棚が届きます。\n\n会議です。",
            ("棚が届きます。", "会議です。"),
            ("A.", "B."),
            "A.\n\nB.",
        ),
        ("en", "棚が届きます。会議です。", ("棚が届きます。", "会議です。"), ("A.", "B."), "A. B."),
        (
            "ja",
            "It comes. We meet.",
            ("It comes.", "We meet."),
            ("届く。", "会う。"),
            "届く。会う。",
        ),
        (
            "ja",
            "It comes.\nWe meet.",
            ("It comes.", "We meet."),
            ("届く。", "会う。"),
            "届く。\n会う。",
        ),
        (
            "ko",
            "It comes. We meet.",
            ("It comes.", "We meet."),
            ("온다.", "만난다."),
            "온다. 만난다.",
        ),
        ("de", "Donaudampfschiff", ("Donaudampf", "schiff"), ("Donau", "schiff"), "Donauschiff"),
    ],
)
def test_translations_are_joined_as_the_parts_were(
    language: LanguageCode, whole: str, parts: tuple[str, str], texts: tuple[str, str], joined: str
) -> None:
    """Line breaks stay; spaces are those of the target language."""
    task = Translate(TranslateTask(kind="translate", target_language=language))
    answers = [(part, write(text, -0.1)) for part, text in zip(parts, texts, strict=True)]
    assert merge(task, whole, answers).output == {"text": joined}


def test_a_translation_is_as_sure_as_its_least_sure_part() -> None:
    """Signals are that part's."""
    whole = "棚が3個届きます。会議は9時です。"
    answers = [
        ("棚が3個届きます。", write("3 shelves come.", -0.5)),
        ("会議は9時です。", write("We meet at 9.", -0.1)),
    ]
    reading = merge(TO_ENGLISH, whole, answers)
    assert reading.problem is None
    assert reading.confidence == pytest.approx(math.exp(-0.5))
    assert reading.signals["min"] == -0.5


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (write("We meet at 8.", -0.1), "numbers_changed"),
        (write("会議は9時です。", -0.1), "not_translated"),
        (write("We meet", -0.1, finish="length"), "answer_cut"),
        (write("", -0.1), "answer_empty"),
    ],
)
def test_a_part_that_fails_fails_the_translation(second: Completion, problem: str) -> None:
    """Each part has to pass the checks, too: a whole hides what a part has lost."""
    whole = "棚が3個届きます。箱は火曜に届きます。会議は9時です。"
    answers = [
        (
            "棚が3個届きます。箱は火曜に届きます。",
            write("3 shelves come, and the box comes here on Tuesday morning, too.", -0.1),
        ),
        ("会議は9時です。", second),
    ]
    assert merge(TO_ENGLISH, whole, answers).problem == problem


def test_a_number_of_the_whole_is_in_the_translation() -> None:
    """The merged text is checked against all of the row."""
    reading = merge(
        TO_ENGLISH,
        "棚は火曜に届きます。12個です。",
        [("棚は火曜に届きます。", write("It comes on Tuesday.", -0.1))],
    )
    assert reading.problem == "numbers_changed"


WHOLE = "The shelves come on Tuesday. Sales rose by 12%. Two people are ill. They meet at 9:00."


def test_points_of_all_parts() -> None:
    """Each point once, in order; numbers are looked for in the whole text."""
    task = Summarize(SummarizeTask(kind="summarize"))
    answers = [
        (
            "The shelves come on Tuesday. Sales rose by 12%.",
            write("Shelves come Tuesday.\n- Sales up 12%", -0.2),
        ),
        ("Two people are ill. They meet at 9:00.", write("Sales up 12%\n- Meeting at 9", -0.4)),
    ]
    reading = merge(task, WHOLE, answers)
    points = ["Shelves come Tuesday.", "Sales up 12%", "Meeting at 9"]
    assert (reading.output, reading.problem, reading.again) == ({"points": points}, None, None)
    assert reading.confidence == pytest.approx(math.exp(-0.4))
    invented = merge(task, WHOLE, [answers[0], (answers[1][0], write("Sales up 13%", -0.1))])
    assert invented.problem == "numbers_not_in_source"


@pytest.mark.parametrize("limits", [{"max_sentences": 2}, {"max_chars": 30}])
def test_points_that_exceed_the_limits_are_asked_about_again(limits: dict[str, int]) -> None:
    """The points are the text of the next question; until then the limit is the problem."""
    task = Summarize(SummarizeTask.model_validate({"kind": "summarize", **limits}))
    answers = [
        ("The shelves come on Tuesday.", write("Shelves come on Tuesday.", -0.2)),
        ("Two people are ill. They meet at 9:00.", write("Two are ill.\n- Meeting at 9.", -0.4)),
    ]
    reading = merge(task, WHOLE, answers)
    assert reading.again == "Shelves come on Tuesday.\nTwo are ill.\nMeeting at 9."
    assert reading.problem in {"too_many_sentences", "too_many_chars"}


def test_parts_are_summarized_in_the_rows_language() -> None:
    """A Japanese row with an English part is asked about in Japanese throughout."""
    task = Summarize(SummarizeTask(kind="summarize"))
    job = make_job("新しい棚は火曜日に届きます。売上は増えました。\n\nThe log says OK.")
    assert task.render_part(job, "The log says OK.").frame is task.render(job).frame


@pytest.mark.parametrize("task", TASKS, ids=["classify", "extract", "translate", "summarize"])
def test_a_part_without_an_answer_is_the_rows_reason(task: Task) -> None:
    """Nothing is put together from what is left."""
    broken = Completion(7, None, error="engine_failed")
    good = choose(0.9) if task is CLASSIFY else write("fine", -0.1)
    for answers in ([("x", broken), ("y", good)], [("x", good), ("y", replace(broken))]):
        reading = merge(task, "x y", answers)
        assert reading.output is None
        assert reading.problem in {"engine_failed", "answer_not_json"}


@pytest.mark.parametrize("task", TASKS, ids=["classify", "extract", "translate", "summarize"])
@given(text=ANY_TEXT, data=st.data())
def test_no_answers_raise(task: Task, text: str, data: st.DataObject) -> None:
    """Whatever engines answer, merging gives a reading."""
    written = ANY_TEXT | st.just('{"vendor":"a","total":1,"paid":null}') | st.just("a")
    parts, at = [], 0
    for piece in cut(text * 3, 40):
        if piece:
            parts.append(Part(piece, at, data.draw(completions(written))))
        at += len(piece)
    if parts:
        reading = task.merge(parts, make_job(text * 3))
        assert reading.output is not None or reading.problem
        assert reading.confidence is None or 0 <= reading.confidence <= 1
