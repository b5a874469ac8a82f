"""Why an attempt is as sure as it is: computed again from its signals, and said in words."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.calibration import Prior, calibrate
from jobs.cost import DeviceRate
from jobs.explain import Explanation, explain
from jobs.gate import Policy
from jobs.job import Job
from jobs.prompt import Completion
from jobs.route import Route
from jobs.spec import ClassifyTask, ExtractTask, FieldSpec, SummarizeTask, TranslateTask
from jobs.tasks import Answer, Classify, Extract, Summarize, Task, Translate
from jobs.tasks.protocol import Part, Reading
from jobs.tasks.split import Assembly, read_whole
from jobs.verdict import Plan, Tier, conclude_answer
from jobs.words import LANGUAGES, catalogue
from tests.tasks.making import ANY_TEXT, completions, make_job, talk, write, write_bytes

LABELS = ("refund", "delivery", "praise")
CLASSIFY = Classify(ClassifyTask.model_validate({"kind": "classify", "labels": list(LABELS)}))
EXTRACT = Extract(
    ExtractTask(
        kind="extract",
        fields=(
            FieldSpec(name="vendor", type="string"),
            FieldSpec(name="paid", type="boolean", required=False),
        ),
    )
)
TRANSLATE = Translate(TranslateTask.model_validate({"kind": "translate", "target_language": "en"}))
SUMMARIZE = Summarize(SummarizeTask.model_validate({"kind": "summarize", "max_sentences": 2}))
TASKS: dict[str, Task] = {
    "classify": CLASSIFY,
    "extract": EXTRACT,
    "translate": TRANSLATE,
    "summarize": SUMMARIZE,
}
TEXT = "Blue Door has been paid 3 times"
RECORD = '{"vendor":"Blue Door","paid":true}'
TIER = Tier(0, "m", "h", DeviceRate(Decimal(1), Decimal(0), Decimal(0)))
LOGS = st.lists(st.floats(-8, 0), min_size=1, max_size=8)


def attempt_of(task: Task, answer: Answer, job: Job) -> dict[str, Any]:
    """What stands in SQL of a row's answer, as `sekisho row` reads it."""
    plan = Plan(task, Policy("keep_all"), Route(("m",)), "en")
    made = conclude_answer(plan, TIER, job, answer).attempt
    names = ("kind", "tier", "output", "label", "confidence", "confidence_source", "fields")
    stored = {name: getattr(made, name) for name in names}
    return {**stored, "signals": json.loads(json.dumps(made.signals))}


def explained(name: str, completion: Completion, text: str = TEXT) -> Explanation:
    """The explanation of the attempt that a completion makes."""
    job = make_job(text)
    return explain(name, attempt_of(TASKS[name], read_whole(TASKS[name], job, completion), job))


def codes(explanation: Explanation) -> list[str]:
    """The codes of its sentences."""
    return [sentence.code for sentence in explanation.sentences]


def score(*shares: float, **more: Any) -> Completion:
    """The answer of an engine that scores labels."""
    names = LABELS[: len(shares)]
    best = names[shares.index(max(shares))]
    scores = tuple(zip(names, shares, strict=True))
    return Completion(7, best, scores, confidence_source="label_probability", **more)


@pytest.mark.parametrize(
    ("name", "completion", "said"),
    [
        ("classify", score(0.83, 0.11, 0.06), ["explain_label", "explain_next"]),
        (
            "classify",
            score(0.83, 0.11, unopened=(0.06,)),
            ["explain_label", "explain_next", "explain_unopened"],
        ),
        (
            "classify",
            replace(write('{"label":"refund"}', -0.1, -0.2, -0.3), asked="question"),
            ["explain_label_written"],
        ),
        ("translate", write("Paid 3 times.", -0.1, -0.9, -0.3), ["explain_text"]),
        ("summarize", write("Paid 3 times.", -2.0, -0.9, -0.3), ["explain_text"]),
        (
            "extract",
            write_bytes(RECORD, {"Door": -0.5, "true": -1.5}),
            ["explain_record", "explain_field", "explain_field"],
        ),
    ],
)
def test_the_number_is_computed_again(name: str, completion: Completion, said: list[str]) -> None:
    """Every task's reading can be explained, and the number is the one that is stored."""
    found = explained(name, completion)
    assert codes(found) == said
    assert found.matches is True
    assert found.recomputed is not None


@pytest.mark.parametrize("name", TASKS)
@given(data=st.data())
def test_whatever_an_engine_answers_is_explained(name: str, data: st.DataObject) -> None:
    """A confidence is the number its signals give; an unknown one says why it is unknown."""
    records = st.sampled_from([RECORD, '{"label":"refund"}', '{"points":["a"]}', "Blue"])
    found = explained(name, data.draw(completions(ANY_TEXT | records)))
    assert found.matches in (True, None)
    assert "explain_unknown" not in codes(found)
    assert codes(found)


@given(LOGS)
def test_a_label_that_was_written(logs: list[float]) -> None:
    """It is as likely as its tokens together."""
    text = '{"label":"refund"}'
    answer = replace(write(text, *logs), asked="question")
    found = explained("classify", answer)
    assert found.matches is True


@given(st.lists(st.floats(1e-3, 1), min_size=3, max_size=3))
def test_probabilities_of_any_size(weights: list[float]) -> None:
    """The winner's share is said, and the next one behind it."""
    shares = [weight / math.fsum(weights) for weight in weights]
    found = explained("classify", score(*shares))
    assert found.matches is True
    assert math.isclose(found.recomputed or 0, max(shares), abs_tol=2e-6)


def test_a_talking_cloud_says_no_probabilities() -> None:
    """An answer without scores from the cloud is not an engine's fault, and says so."""
    reading = CLASSIFY.read(talk({"label": "refund"}))
    local = attempt_of(CLASSIFY, Answer(7, reading, talk("").usage), make_job(TEXT))
    assert codes(explain("classify", local)) == ["explain_no_scores"]
    assert codes(explain("classify", {**local, "kind": "cloud"})) == ["explain_cloud"]
    record = EXTRACT.read(talk(json.loads(RECORD)), make_job(TEXT))
    fields = attempt_of(EXTRACT, Answer(7, record, talk("").usage), make_job(TEXT))
    found = explain("extract", {**fields, "kind": "cloud"})
    assert (codes(found), found.matches) == (["explain_cloud"], None)


def test_a_field_kept_from_an_earlier_step() -> None:
    """Its tokens are another attempt's: that is said, and the record stays unknown."""
    record = EXTRACT.read(talk(json.loads(RECORD)), make_job(TEXT))
    attempt = attempt_of(EXTRACT, Answer(7, record, talk("").usage), make_job(TEXT))
    fields = {**attempt["fields"], "vendor": {"tier": 0, "confidence": 0.9, "value": "Blue Door"}}
    for line in fields.values():
        line.setdefault("tier", 2)
    fields["paid"]["tier"] = 2
    found = explain("extract", {**attempt, "kind": "cloud", "tier": 2, "fields": fields})
    assert "explain_field_kept" in codes(found)
    assert found.matches is None


def test_no_answer_and_a_cached_one() -> None:
    """Nothing can be sure of nothing; a cached answer has the numbers of its model."""
    none = explained("classify", Completion(7, None, error="input_too_long"))
    assert (codes(none), none.matches) == (["explain_no_answer"], None)
    reading = CLASSIFY.read(score(0.5, 0.3, 0.2))
    answer = Answer(7, reading, talk("").usage, cached=True)
    found = explain("classify", attempt_of(CLASSIFY, answer, make_job(TEXT)))
    assert codes(found)[0] == "explain_cached"
    assert found.matches is True


@pytest.mark.parametrize("changed", [0.9, None, 0.0])
def test_a_number_that_its_signals_do_not_give(changed: float | None) -> None:
    """It is said plainly, with both numbers, never explained away."""
    reading = CLASSIFY.read(score(0.5, 0.3, 0.2))
    attempt = attempt_of(CLASSIFY, Answer(7, reading, talk("").usage), make_job(TEXT))
    found = explain("classify", {**attempt, "confidence": changed})
    assert codes(found)[-1] == "explain_mismatch"
    assert found.matches is False


def test_a_field_whose_number_its_signals_do_not_give() -> None:
    """Each field is compared by itself."""
    job = make_job(TEXT)
    answer = write_bytes(RECORD, {"Door": -0.5, "true": -1.5})
    attempt = attempt_of(EXTRACT, read_whole(EXTRACT, job, answer), job)
    fields = {name: dict(line) for name, line in attempt["fields"].items()}
    fields["vendor"]["confidence"] = 0.99
    assert "explain_field_mismatch" in codes(explain("extract", {**attempt, "fields": fields}))


@pytest.mark.parametrize(
    "signals",
    [
        {"novel": 1},
        {"probabilities": {"refund": "high"}},
        {"probabilities": ["refund"]},
        {"fields": {"vendor": {"items": [1]}}},
        {"fields": 3},
        {"q10": None, "tokens": 1},
        {"round_confidences": []},
    ],
)
@pytest.mark.parametrize("name", TASKS)
def test_a_form_that_is_not_known(name: str, signals: Mapping[str, Any]) -> None:
    """It is said to be unknown, or not to match; it is never explained wrongly."""
    attempt = {
        "kind": "local",
        "tier": 0,
        "output": {"label": "refund"},
        "label": "refund",
        "signals": signals,
        "confidence": 0.5,
        "confidence_source": "token_logprobs",
    }
    found = explain(name, attempt)
    assert {"explain_unknown", "explain_mismatch"} & set(codes(found))
    assert found.matches is not True


def test_decisions_over_single_labels() -> None:
    """Many labels, each by itself: as sure as the least sure decision, taken or left."""
    attempt = {
        "kind": "local",
        "tier": 0,
        "output": {"labels": ["refund"]},
        "label": None,
        "signals": {"probabilities": {"refund": 0.9, "delivery": 0.2, "praise": 0.01}},
        "confidence": 0.8,
        "confidence_source": "label_probability",
    }
    found = explain("classify", attempt)
    assert (codes(found), found.matches) == (["explain_label_left"], True)


@pytest.mark.parametrize(
    ("task", "label", "output", "signals", "confidence", "said"),
    [
        (
            "classify",
            None,
            {"labels": ["a"]},
            {"sum": math.log(0.4), "tokens": 3, "probabilities": {"a": 0.5}},
            0.4,
            ["explain_label_written"],
        ),
        (
            "classify",
            "a",
            {"label": "a"},
            {"shares": {"a": 0.7, "b": 0.2}, "parts": 2},
            0.7,
            ["explain_shares"],
        ),
        (
            "extract",
            None,
            {"codes": ["x", "y"]},
            {
                "fields": {
                    "codes": {
                        "min": -1.5,
                        "items": [
                            {"min": -1.5, "tokens": 1},
                            {"fields": {"x": {"min": -0.5, "tokens": 2}}, "min": -0.5},
                        ],
                    }
                }
            },
            math.exp(-1.5),
            ["explain_record", "explain_items"],
        ),
        (
            "extract",
            None,
            {"codes": ["x"]},
            {"fields": {"codes": {"min": -3.0, "items": [{"min": -1.0, "tokens": 1}]}}},
            math.exp(-3.0),
            ["explain_record", "explain_field_part"],
        ),
        (
            "extract",
            None,
            {"day": "2026-04-30"},
            {"fields": {"day": {"min": math.log(0.8), "tokens": 1, "rival": 0.8}}},
            0.4,
            ["explain_record", "explain_field_rival"],
        ),
        (
            "extract",
            None,
            {"codes": ["x"]},
            {"fields": {"codes": {"items": [{}]}}},
            None,
            ["explain_record_unknown", "explain_field_no_scores"],
        ),
    ],
)
def test_forms_of_lists_sets_and_parts(
    task: str,
    label: str | None,
    output: dict[str, Any],
    signals: dict[str, Any],
    confidence: float | None,
    said: list[str],
) -> None:
    """What is inside a value, and what other parts of the text say, counts as well."""
    attempt = {
        "kind": "local",
        "tier": 0,
        "output": output,
        "label": label,
        "signals": signals,
        "confidence": confidence,
        "confidence_source": "none" if confidence is None else "token_logprobs",
    }
    found = explain(task, attempt)
    assert codes(found) == said
    assert found.matches is (None if confidence is None else True)


def test_a_text_in_parts_and_rounds() -> None:
    """The least sure part, and the least sure round, are those that count."""
    halves = [Part(TEXT, 0, write("Paid 3 times.", -0.1)), Part(TEXT, 40, write("No.", -0.7))]
    whole = TRANSLATE.merge(halves, make_job(TEXT + " " + TEXT))
    reading = replace(whole, signals={**whole.signals, "parts": 2})
    job = make_job(TEXT + " " + TEXT)
    attempt = attempt_of(TRANSLATE, Answer(7, reading, talk("").usage), job)
    found = explain("translate", attempt)
    assert (codes(found), found.matches) == (["explain_text", "explain_parts"], True)
    long = "\n\n".join(f"Paragraph {n} says that all is well. It goes on." for n in range(8))
    assembly = Assembly(SUMMARIZE, make_job(long), Completion(7, None, error="input_too_long"), 40)
    asks, logprob = assembly.begin(), -0.9
    while asks:
        ask = asks.pop()
        answer = write("It says that all is well.", logprob)
        if ask.number > 3:
            answer = write("All is well.", -0.01)
        asks += assembly.take(ask.number, answer)
    attempt = attempt_of(SUMMARIZE, assembly.answer(), make_job(long))
    assert explain("summarize", attempt).matches is True


def test_calibrated_probabilities() -> None:
    """The number is the calibrated one; the model's own is said beside it."""
    prior = Prior(128, {"refund": -0.1, "delivery": -2.0, "praise": -3.0})
    reading = calibrate(CLASSIFY.read(score(0.5, 0.3, 0.2)), prior)
    found = explain(
        "classify", attempt_of(CLASSIFY, Answer(7, reading, talk("").usage), make_job(TEXT))
    )
    assert codes(found) == ["explain_label", "explain_next", "explain_calibrated"]
    assert found.matches is True
    assert "128 rows" in found.say("en")[-1]


def test_labels_over_parts() -> None:
    """The mean over parts is what is stored, and is explained as such."""
    parts = [
        Part(TEXT, 0, score(0.5, 0.3, 0.2)),
        Part(TEXT, 40, score(0.2, 0.6, 0.2)),
    ]
    reading = CLASSIFY.merge(parts)
    told = replace(reading, signals={**reading.signals, "parts": 2})
    attempt = attempt_of(CLASSIFY, Answer(7, told, talk("").usage), make_job(TEXT))
    found = explain("classify", attempt)
    assert "explain_label_parts" in codes(found)
    assert found.matches is True


@pytest.mark.parametrize(
    ("route", "code"),
    [
        ({"complexity": 4, "points": {"kind": 1, "length": 3}, "start_tier": 1}, "explain_route"),
        ({"complexity": 4, "fixed": True, "start_tier": 1}, "explain_route_fixed"),
    ],
)
def test_where_a_row_began(route: dict[str, Any], code: str) -> None:
    """The rule that chose the first model is said in front, its points by name."""
    attempt = {"kind": "local", "output": None, "signals": {"route": route}, "confidence": None}
    found = explain("classify", attempt)
    assert codes(found) == [code, "explain_no_answer"]
    for language in LANGUAGES:
        assert "{" not in " ".join(found.say(language))
    if "points" in route:
        assert "kind of job 1, length 3" in found.say("en")[0]


def test_every_sentence_has_its_words_filled() -> None:
    """In both languages, for every task."""
    answers = {
        "classify": score(0.83, 0.11, unopened=(0.06,)),
        "extract": write_bytes(RECORD, {"Door": -0.5}),
        "translate": write("Paid 3 times.", -0.1),
        "summarize": talk({"points": ["Paid 3 times."]}),
    }
    for name, completion in answers.items():
        for sentence in explained(name, completion).sentences:
            for language in LANGUAGES:
                words = catalogue(language)[sentence.code].format_map(dict(sentence.params))
                assert "{" not in words


def test_a_label_with_braces_is_only_text() -> None:
    """What a label holds is never taken for a parameter."""
    task = Classify(ClassifyTask.model_validate({"kind": "classify", "labels": ["{x}", "b"]}))
    answer = Completion(7, "{x}", (("{x}", 0.9), ("b", 0.1)), confidence_source="label_probability")
    reading: Reading = task.read(answer)
    found = explain("classify", attempt_of(task, Answer(7, reading, answer.usage), make_job(TEXT)))
    assert "the label {x} among 2" in found.say("en")[0]
