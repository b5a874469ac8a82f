"""Classify with any number of labels: each has its own probability, and none is guessed."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import Completion, LabelSet
from jobs.spec import ClassifyTask, Example, Label
from jobs.tasks import ClassifySeveral, Part, build_task
from tests.tasks.making import ANY_TEXT, completions, make_job, talk, write_bytes
from tests.test_spec_classify import build

LABELS = ("refund", "delivery", "praise")
TASK = ClassifyTask(
    kind="classify",
    labels=tuple(Label(name=label) for label in LABELS),
    multi_label=True,
    examples=(
        Example(text="late, money back", answer=["delivery", "refund"]),
        Example(text="hello", answer=[]),
    ),
)


def score(*probabilities: float, labels: tuple[str, ...] = LABELS) -> Completion:
    """The answer of an engine that asked for each label."""
    scores = tuple(zip(labels, probabilities, strict=True))
    return Completion(7, "[]", scores, confidence_source="label_probability", finish="choice")


def say(labels: list[str], low: dict[str, float] | None = None) -> Completion:
    """A list that an engine wrote as JSON, with scores of its bytes."""
    text = json.dumps({"labels": labels}, separators=(",", ":"))
    return replace(write_bytes(text, low or {}), asked="question")


def test_a_spec_with_several_labels_asks_for_each() -> None:
    """The kind of task is the spec's, and each label is a question behind the row."""
    task = build_task(build(multi_label=True))
    prompt = task.render(make_job("x"))
    assert prompt.constraint == LabelSet(("refund", "delivery"), ask=": ", yes="yes", no="no")
    assert prompt.frame.answer_start == ""
    japanese = build_task(build(multi_label=True, instruction="当てはまる分類を選んでください。"))
    choice = japanese.render(make_job("x")).constraint
    assert choice == LabelSet(("refund", "delivery"), ask=": ", yes="はい", no="いいえ")


def test_examples_stand_in_the_form_of_the_questions() -> None:
    """With labels that do not fit beside those that do; in the question as the JSON to write."""
    task = ClassifySeveral(TASK)
    shots = task.frame.system.split("\n\n")[2:]
    assert shots == [
        "Message: late, money back\nrefund: yes\ndelivery: yes\npraise: no",
        "Message: hello\ndelivery: no",
    ]
    question = task.question(make_job("x"))
    assert question.user == "Message: x"
    assert 'Message: late, money back\nAnswer: {"labels":["refund","delivery"]}' in question.system
    assert 'Message: hello\nAnswer: {"labels":[]}' in question.system
    schema = json.loads(question.schema)
    assert schema["properties"]["labels"] == {"type": "array", "items": {"enum": list(LABELS)}}
    assert "uniqueItems" not in question.schema


@pytest.mark.parametrize(
    ("probabilities", "labels", "confidence"),
    [
        ((0.9, 0.2, 0.6), ["refund", "praise"], 0.6),
        ((0.1, 0.2, 0.4), [], 0.6),
        ((1.0, 1.0, 1.0), list(LABELS), 1.0),
        ((0.5, 0.0, 0.0), ["refund"], 0.5),
    ],
)
def test_labels_that_rather_apply_are_the_answer(
    probabilities: tuple[float, ...], labels: list[str], confidence: float
) -> None:
    """In the spec's order; the set is as sure as its least sure label, and none is an answer."""
    reading = ClassifySeveral(TASK).read(score(*probabilities))
    assert (reading.output, reading.label, reading.problem) == ({"labels": labels}, None, None)
    assert reading.confidence == pytest.approx(confidence)
    assert reading.confidence_source == "label_probability"
    assert reading.signals["probabilities"] == dict(zip(LABELS, probabilities, strict=True))


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_a_confidence_can_be_computed_again_from_the_signals(values: list[float]) -> None:
    """It is the least of max(p, 1 - p), and never below one half."""
    reading = ClassifySeveral(TASK).read(score(*values))
    again = min(max(p, 1 - p) for p in reading.signals["probabilities"].values())
    assert reading.confidence == pytest.approx(again, abs=1e-6)
    assert 0.5 <= (reading.confidence or 0) <= 1
    assert 0 <= reading.signals["margin"] <= 1


@pytest.mark.parametrize(
    "completion",
    [
        score(0.5, 0.5, labels=LABELS[:2]),
        score(0.5, 0.5, 0.5, labels=("refund", "delivery", "else")),
        score(0.5, 1.5, 0.5),
        score(0.5, math.nan, 0.5),
        replace(score(0.5, 0.5, 0.5), unopened=(0.1,)),
        Completion(7, "[]", confidence_source="label_probability"),
    ],
)
def test_broken_scores_are_no_answer(completion: Completion) -> None:
    """A label without its probability makes the whole set unknown."""
    reading = ClassifySeveral(TASK).read(completion)
    assert (reading.problem, reading.output) == ("scores_broken", None)
    assert (reading.confidence, reading.confidence_source) == (None, "none")


def test_a_list_in_json_is_as_sure_as_all_its_tokens() -> None:
    """Where it ends is a decision, too; the signals have each written label's own probability."""
    reading = ClassifySeveral(TASK).read(say(["praise", "refund"], {"fun": -0.25, "]": -0.5}))
    assert reading.output == {"labels": ["refund", "praise"]}
    assert reading.signals["sum"] == -1.25
    assert reading.confidence == pytest.approx(math.exp(reading.signals["sum"]))
    own = {"praise": 1.0, "refund": round(math.exp(-0.75), 6)}
    assert reading.signals["probabilities"] == own
    empty = ClassifySeveral(TASK).read(say([], {"[]": -0.25}))
    assert empty.output == {"labels": []}
    assert empty.confidence == pytest.approx(math.exp(-0.5))
    silent = ClassifySeveral(TASK).read(talk({"labels": []}))
    assert (silent.output, silent.confidence) == ({"labels": []}, None)
    assert (silent.confidence_source, silent.problem) == ("none", None)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("refund", "answer_not_json"),
        ('{"labels": ["refund"', "answer_not_json"),
        ('["refund"]', "answer_not_json"),
        ('{"labels": null}', "answer_off_schema"),
        ('{"labels": "refund"}', "answer_off_schema"),
        ('{"labels": {"refund": true}}', "answer_off_schema"),
        ('{"labels": ["refund", null]}', "answer_off_schema"),
        ('{"labels": ["refund", "else"]}', "answer_off_schema"),
        ('{"labels": ["Refund"]}', "answer_off_schema"),
        ('{"labels": ["refund", "refund"]}', "answer_off_schema"),
        ('{"labels": [["refund"]]}', "answer_off_schema"),
        ('{"label": "refund"}', "answer_off_schema"),
        ('{"labels": [], "why": "so"}', "answer_off_schema"),
        ("{}", "answer_off_schema"),
    ],
)
def test_other_answers_are_none(answer: str, problem: str) -> None:
    """An unknown label, one that stands twice, and null are a problem, never a default."""
    reading = ClassifySeveral(TASK).read(talk(answer))
    assert (reading.problem, reading.output) == (problem, None)


def test_a_label_of_any_part_is_the_rows() -> None:
    """As probable as in the part that shows it most."""
    parts = [Part("a", 0, score(0.9, 0.1, 0.2)), Part("b", 9, score(0.2, 0.7, 0.3))]
    merged = ClassifySeveral(TASK).merge(parts)
    assert merged.output == {"labels": ["refund", "delivery"]}
    assert merged.signals["probabilities"] == {"refund": 0.9, "delivery": 0.7, "praise": 0.3}
    assert merged.confidence == pytest.approx(0.7)
    said = [Part("a", 0, say(["praise"])), Part("b", 9, say(["refund"], {"fun": -0.1}))]
    merged = ClassifySeveral(TASK).merge(said)
    assert merged.output == {"labels": ["refund", "praise"]}
    assert merged.confidence == pytest.approx(math.exp(-0.3))
    unknown = ClassifySeveral(TASK).merge([said[0], Part("b", 9, talk({"labels": []}))])
    assert (unknown.output, unknown.confidence) == ({"labels": ["praise"]}, None)
    broken = ClassifySeveral(TASK).merge([said[0], Part("b", 9, talk("no"))])
    assert (broken.output, broken.problem) == (None, "answer_not_json")


@pytest.mark.parametrize("error", ["input_too_long", "no_text", "engine_failed", "withdrawn"])
def test_an_engines_error_is_the_problem(error: str) -> None:
    """What the engine says is wrong is kept by its code."""
    reading = ClassifySeveral(TASK).read(Completion(7, None, error=error))
    assert (reading.problem, reading.output) == (error, None)


@given(completions(ANY_TEXT | ANY_TEXT.map(lambda text: json.dumps({"labels": [text]}))))
def test_reading_never_raises(completion: Any) -> None:
    """Whatever an engine says, there is a set of the labels or a problem."""
    for asked in ("prompt", "question"):
        reading = ClassifySeveral(TASK).read(replace(completion, asked=asked))
        assert (reading.problem is None) == (reading.output is not None)


@given(st.lists(st.sampled_from(LABELS), unique=True), st.sampled_from(["", " ", "\n\t "]))
def test_written_labels_are_found_however_they_are_spaced(labels: list[str], space: str) -> None:
    """Every label has the probability of its own bytes."""
    items = f"{space},{space}".join(json.dumps(label) for label in labels)
    text = f'{{"labels":{space}[{space}{items}{space}]}}'
    said = replace(write_bytes(text, dict.fromkeys(labels, -0.125)), asked="question")
    reading = ClassifySeveral(TASK).read(said)
    found = reading.signals["probabilities"]
    assert found == {label: round(math.exp(-0.125 * len(label)), 6) for label in labels}
