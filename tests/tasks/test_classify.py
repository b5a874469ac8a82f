"""Classify asks engines that only talk, and speaks the language of its labels."""

import json
from typing import Any

import pytest
from hypothesis import given

from jobs.spec import ClassifyTask, Label
from jobs.tasks import Classify
from tests.tasks.making import ANY_TEXT, completions, make_job, talk

TASK = ClassifyTask(
    kind="classify",
    labels=(Label(name="refund", examples=("返して",)), Label(name="delivery")),
)


def test_a_question_offers_the_labels_only() -> None:
    """The form of the answer is one of the labels; the words are the prompt's."""
    task = Classify(TASK)
    question = task.question(make_job("Where is it?"))
    assert (question.key, question.system) == (7, task.frame.system)
    assert question.user == "Message: Where is it?"
    assert json.loads(question.schema)["properties"] == {"label": {"enum": ["refund", "delivery"]}}


def test_a_label_in_json_is_an_answer_of_unknown_confidence() -> None:
    """What an engine that only talks says has no confidence."""
    reading = Classify(TASK).read(talk({"label": "refund"}), make_job("x"))
    assert (reading.output, reading.label) == ({"label": "refund"}, "refund")
    assert (reading.confidence, reading.confidence_source, reading.problem) == (None, "none", None)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("refund", "answer_not_json"),
        ('{"label": "refund"', "answer_not_json"),
        ('{"label": "other"}', "answer_off_schema"),
        ('{"label": ["refund"]}', "answer_off_schema"),
        ('{"label": null}', "answer_off_schema"),
        ('{"label": "refund", "why": "so"}', "answer_off_schema"),
    ],
)
def test_other_answers_are_none(answer: str, problem: str) -> None:
    """No label that is nearly one of the spec's is taken for it."""
    reading = Classify(TASK).read(talk(answer), make_job("x"))
    assert (reading.problem, reading.output, reading.label) == (problem, None, None)


def test_japanese_words_for_japanese_specs() -> None:
    """Japanese labels or instructions make the prompt Japanese; examples do not."""
    japanese = ClassifyTask(kind="classify", labels=(Label(name="返金する"), Label(name="その他")))
    assert Classify(japanese).frame.answer_start == "分類: "
    assert Classify(TASK).frame.answer_start == "Category: "
    told = TASK.model_copy(update={"instruction": "分類を選んでください。"})
    assert Classify(told).frame.before == "文: "


@given(completions(ANY_TEXT | ANY_TEXT.map(lambda text: json.dumps({"label": text}))))
def test_reading_never_raises(completion: Any) -> None:
    """Whatever an engine says, there is one of the labels or a problem."""
    reading = Classify(TASK).read(completion, make_job("x"))
    assert (reading.problem is None) == (reading.label in {"refund", "delivery"})
