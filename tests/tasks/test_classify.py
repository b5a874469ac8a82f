"""Classify asks engines that only talk, and speaks the language of its labels."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import Completion
from jobs.spec import ClassifyTask, Example, Label
from jobs.tasks import Classify, Part
from tests.tasks.making import ANY_TEXT, completions, make_job, talk, write_bytes

TASK = ClassifyTask(
    kind="classify",
    labels=(Label(name="refund", examples=("返して",)), Label(name="delivery")),
)


WITH_OTHER = ClassifyTask(
    kind="classify",
    labels=(Label(name="refund"), Label(name="delivery")),
    other=True,
    examples=(Example(text="thanks", answer="other"), Example(text="lost", answer="delivery")),
)
JAPANESE_OTHER = WITH_OTHER.model_copy(update={"instruction": "分類を選んでください。"})


def score(**scores: float) -> Completion:
    """The answer of an engine that scored these labels."""
    best = max(scores, key=lambda label: scores[label])
    return Completion(
        7, best, tuple(scores.items()), confidence_source="label_probability", finish="choice"
    )


def part(text: str, completion: Completion) -> Part:
    return Part(text, 0, completion)


def test_a_question_offers_the_labels_only() -> None:
    """The form of the answer is one of the labels; the words are the prompt's."""
    task = Classify(TASK)
    question = task.question(make_job("Where is it?"))
    assert question.key == 7
    assert question.system.startswith(task.frame.system.partition("\n\nMessage")[0])
    assert question.system.endswith('Message: 返して\nAnswer: {"label":"refund"}')
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


def test_none_of_these_is_an_option_like_the_labels() -> None:
    """It stands last in the list, in the examples, in what is scored and in what may be said."""
    task = Classify(WITH_OTHER)
    assert task.choice.labels == ("refund", "delivery", "other")
    assert "- delivery\n- other: none of these\n" in task.frame.system
    assert "Message: thanks\nCategory: other" in task.frame.system
    question = task.question(make_job("x"))
    assert 'Message: thanks\nAnswer: {"label":"other"}' in question.system
    assert json.loads(question.schema)["properties"]["label"]["enum"][-1] == "other"
    reading = task.read(score(refund=0.2, delivery=0.2, other=0.6))
    assert (reading.output, reading.label) == ({"label": "other"}, "other")
    assert reading.signals["probabilities"] == {"refund": 0.2, "delivery": 0.2, "other": 0.6}
    assert task.read(talk({"label": "other"})).output == {"label": "other"}


def test_none_of_these_has_a_japanese_name_in_japanese_prompts() -> None:
    """The model reads Japanese; the answer and the signals say "other" in every language."""
    task = Classify(JAPANESE_OTHER)
    assert task.choice.labels == ("refund", "delivery", "その他")
    assert "- その他: どれにも当てはまらない" in task.frame.system
    assert "文: thanks\n分類: その他" in task.frame.system
    reading = task.read(score(refund=0.2, delivery=0.2, その他=0.6))
    assert (reading.output, reading.label) == ({"label": "other"}, "other")
    assert "other" in reading.signals["probabilities"]
    assert task.read(talk({"label": "その他"})).output == {"label": "other"}
    assert task.read(talk({"label": "other"})).problem == "answer_off_schema"


def test_without_the_option_other_is_no_answer() -> None:
    """Nothing in the place of a label that the spec does not have."""
    assert Classify(TASK).read(talk({"label": "other"})).problem == "answer_off_schema"
    broken = score(refund=0.2, delivery=0.2, other=0.6)
    assert Classify(TASK).read(broken).problem == "scores_broken"


def test_a_label_in_json_is_as_sure_as_its_own_tokens() -> None:
    """Quotes, names and what follows do not count."""
    said = replace(write_bytes('{"label":"refund"}', {"fun": -0.25}), asked="question")
    reading = Classify(TASK).read(said)
    assert reading.signals["sum"] == -0.75
    assert reading.confidence == pytest.approx(math.exp(reading.signals["sum"]))
    assert reading.confidence_source == "token_logprobs"
    unsure = replace(write_bytes('{"label":"refund"}', {'{"label': -3.0}), asked="question")
    assert Classify(TASK).read(unsure).confidence == 1.0
    silent = replace(said, confidence_source="none")
    assert Classify(TASK).read(silent).confidence is None


@given(st.lists(st.floats(0.001, 1), min_size=3, max_size=3))
def test_a_confidence_can_be_computed_again_from_the_signals(weights: list[float]) -> None:
    """It is the greatest of the probabilities."""
    whole = math.fsum(weights)
    shares = dict(
        zip(("refund", "delivery", "other"), (one / whole for one in weights), strict=True)
    )
    reading = Classify(WITH_OTHER).read(score(**shares))
    assert reading.confidence == pytest.approx(
        max(reading.signals["probabilities"].values()), abs=1e-6
    )


def test_none_of_these_is_a_long_rows_answer_as_far_as_it_is_every_parts() -> None:
    """A greeting says nothing about the label of the rest."""
    task = Classify(WITH_OTHER)
    greeting = part("Dear all, " * 9, score(refund=0.01, delivery=0.01, other=0.98))
    matter = part("lost it", score(refund=0.1, delivery=0.8, other=0.1))
    merged = task.merge([greeting, matter])
    assert merged.output == {"label": "delivery"}
    shares = merged.signals["probabilities"]
    assert shares["other"] == pytest.approx(0.1)
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-5)
    assert task.merge([greeting, greeting]).output == {"label": "other"}
    sure = part("x", score(refund=0.0, delivery=0.0, other=1.0))
    assert task.merge([sure, sure]).confidence == 1.0


def test_labels_that_were_written_for_parts_share_the_row_by_length() -> None:
    """As sure as their parts; of unknown confidence if one of them is."""
    task = Classify(WITH_OTHER)
    refund = replace(write_bytes('{"label":"refund"}', {"r": math.log(0.5)}), asked="question")
    lost = replace(write_bytes('{"label":"delivery"}', {}), asked="question")
    nothing = replace(write_bytes('{"label":"other"}', {}), asked="question")
    parts = [part("a" * 60, refund), part("b" * 40, lost), part("c" * 99, nothing)]
    merged = task.merge(parts)
    assert merged.output == {"label": "delivery"}
    assert merged.signals == {"shares": {"refund": 0.3, "delivery": 0.4}}
    assert merged.confidence == pytest.approx(0.4)
    unknown = task.merge([part("a" * 60, talk({"label": "refund"})), parts[1]])
    assert (unknown.output, unknown.confidence) == ({"label": "refund"}, None)
    assert unknown.confidence_source == "none"
    assert task.merge([parts[2]]).output == {"label": "other"}
    assert task.merge([parts[0], part("d", talk("half"))]).problem == "answer_not_json"


PARTS = st.lists(
    st.tuples(st.integers(1, 50), st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(any)),
    min_size=1,
    max_size=5,
)


@given(PARTS)
def test_merged_scores_are_a_distribution(found: list[tuple[int, list[float]]]) -> None:
    """Whatever the parts say, the row has one of the options, and all of it is 1."""
    parts = []
    for size, weights in found:
        whole = math.fsum(weights)
        shares = [one / whole for one in weights]
        scores = dict(zip(("refund", "delivery", "other"), shares, strict=True))
        parts.append(part("x" * size, score(**scores)))
    merged = Classify(WITH_OTHER).merge(parts)
    assert merged.problem is None
    assert sum(merged.signals["probabilities"].values()) == pytest.approx(1.0, abs=1e-4)
