"""Classify: the prompt says what the spec says, and only a sound distribution is an answer."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.job import Job
from jobs.prompt import Completion, LabelChoice
from jobs.spec import ClassifyTask, Label, parse_spec
from jobs.tasks import Classify, build_task
from jobs.tasks.options import ENGLISH

LABELS = ("refund", "delivery", "その他")
TASK = ClassifyTask(
    kind="classify",
    labels=(
        Label(name="refund", description="wants money back", examples=("返して", "money!")),
        Label(name="delivery"),
        Label(name="その他"),
    ),
)
JOB = Job(7, "b1", 1, "r1", "Where is my parcel?", 0)


def complete(scores: tuple[tuple[str, float], ...], error: str | None = None) -> Completion:
    """An engine's answer with these probabilities."""
    text = max(scores, key=lambda score: score[1])[0] if scores else None
    return Completion(
        7, text, scores, finish="choice", confidence_source="label_probability", error=error
    )


def test_a_prompt_is_the_row_in_the_common_frame() -> None:
    """The row's text stands alone and unchanged; all else is shared by every row."""
    task = Classify(TASK)
    prompt = task.render(JOB)
    assert (prompt.key, prompt.text, prompt.constraint) == (7, JOB.text, LabelChoice(LABELS))
    assert prompt.frame is task.frame
    assert JOB.text not in prompt.frame.system


def test_the_system_turn_describes_the_options() -> None:
    """Every label stands with its description after the instruction, its examples as answers."""
    task = Classify(TASK)
    frame = task.frame
    lines = frame.system.splitlines()
    assert lines[0] == ENGLISH.one
    assert {"- refund: wants money back", "- delivery", "- その他"} <= set(lines)
    for example in ("返して", "money!"):
        shown = f"{frame.before}{example}{frame.after}\n{frame.answer_start}refund"
        assert shown in frame.system
    own = Classify(TASK.model_copy(update={"instruction": "Choose wisely."}))
    assert own.frame.system.startswith("Choose wisely.\n")


def test_the_likeliest_label_is_the_answer() -> None:
    """The answer has its probability as confidence, and signals for the gate."""
    answer = complete((("refund", 0.2), ("delivery", 0.7), ("その他", 0.1)))
    reading = Classify(TASK).read(answer, JOB)
    assert (reading.output, reading.label) == ({"label": "delivery"}, "delivery")
    assert (reading.confidence, reading.confidence_source) == (0.7, "label_probability")
    assert reading.problem is None
    assert reading.signals["margin"] == 0.5
    assert reading.signals["entropy"] == pytest.approx(0.8018, abs=1e-4)
    assert reading.signals["probabilities"] == {"refund": 0.2, "delivery": 0.7, "その他": 0.1}


@given(st.lists(st.floats(0.001, 1), min_size=3, max_size=3))
def test_signals_keep_their_bounds(weights: list[float]) -> None:
    """Whatever the distribution, the label is its mode and the signals are in their range."""
    total = math.fsum(weights)
    scores = tuple((name, weight / total) for name, weight in zip(LABELS, weights, strict=True))
    reading = Classify(TASK).read(complete(scores), JOB)
    assert reading.problem is None
    assert reading.confidence == max(value for _, value in scores)
    assert dict(scores)[reading.label or ""] == reading.confidence
    assert 0 <= reading.signals["margin"] <= 1
    assert 0 <= reading.signals["entropy"] <= math.log(3) + 1e-6


@pytest.mark.parametrize(
    "scores",
    [
        (("refund", 0.5), ("delivery", 0.5)),
        (("refund", 0.5), ("delivery", 0.3), ("else", 0.2)),
        (("refund", 0.5), ("delivery", 0.3), ("その他", 0.3)),
        (("refund", 1.2), ("delivery", -0.2), ("その他", 0.0)),
        (("refund", math.nan), ("delivery", 0.5), ("その他", 0.5)),
    ],
)
def test_broken_scores_are_no_answer(scores: tuple[tuple[str, float], ...]) -> None:
    """Missing or foreign labels, and numbers that are no distribution, are never an answer."""
    reading = Classify(TASK).read(complete(scores), JOB)
    assert (reading.problem, reading.output, reading.label) == ("scores_broken", None, None)
    assert (reading.confidence, reading.confidence_source) == (None, "none")


@pytest.mark.parametrize("error", ["input_too_long", "no_text", "engine_failed"])
def test_an_engines_error_is_the_problem(error: str) -> None:
    """What the engine says is wrong is kept by its code."""
    reading = Classify(TASK).read(Completion(7, None, error=error), JOB)
    assert (reading.problem, reading.output, reading.confidence) == (error, None, None)


def test_silence_is_a_problem() -> None:
    """An answer without text is none."""
    assert Classify(TASK).read(Completion(7, None), JOB).problem == "no_answer"


def test_a_spec_builds_its_task() -> None:
    """The spec's kind chooses the task."""
    text = 'name = "x"\n[task]\nkind = "classify"\nlabels = ["a", "b"]\n[input]\ntext = "t"\n'
    task = build_task(parse_spec(text, "x.toml"))
    assert task.render(JOB).constraint == LabelChoice(("a", "b"))
