"""From a completion to an outcome: kept, in review, or failed, with its reason and its price."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest

from jobs.cloud import CloudFinish, CloudReply, CloudUsage
from jobs.cost import DeviceRate
from jobs.gate import Policy
from jobs.job import Job, JobStatus, Outcome, Step
from jobs.prompt import Completion, Usage
from jobs.route import Route
from jobs.spec import ClassifyTask, ExtractTask, FieldSpec, Label
from jobs.tasks import Classify, Extract, Task
from jobs.verdict import Plan, Tier, conclude, conclude_cloud
from jobs.words import LANGUAGES, Language, say
from tests.tasks.making import write_bytes

TASK = Classify(ClassifyTask(kind="classify", labels=(Label(name="a"), Label(name="b"))))
TIER = Tier(0, "stub", "hash", DeviceRate(Decimal(36), Decimal(0), Decimal(0)))
JOB = Job(5, "b1", 1, "r1", "secret words of a customer", 0)
USAGE = Usage(prompt_tokens=10, shared_tokens=4, output_tokens=2, device_ms=1.5)
SURE = Completion(
    5, "a", (("a", 0.9), ("b", 0.1)), confidence_source="label_probability", usage=USAGE
)


def judge(completion: Completion, policy: Policy, language: Language = "en") -> Outcome:
    """Conclude for the one job."""
    return conclude(Plan(TASK, policy, Route(("stub",)), language), TIER, JOB, completion)


def test_a_kept_answer_is_done() -> None:
    """The attempt carries the answer, its signals, its usage and its price."""
    found = judge(SURE, Policy("keep_all"))
    attempt = found.attempt
    assert found.status is JobStatus.DONE
    assert (attempt.verdict, attempt.reason_code) == ("keep", "keep_all")
    assert (attempt.job_id, attempt.kind, attempt.tier) == (5, "local", 0)
    assert (attempt.model_name, attempt.model_hash) == ("stub", "hash")
    assert (attempt.output, attempt.label, attempt.confidence) == ({"label": "a"}, "a", 0.9)
    assert (attempt.prompt_tokens, attempt.shared_tokens, attempt.output_tokens) == (10, 4, 2)
    assert (attempt.device_ms, attempt.cost_nano_usd) == (1.5, 15_000)


def test_what_is_not_kept_waits_in_review() -> None:
    """Without a dearer tier a row goes to review, with its best answer in the attempt."""
    found = judge(SURE, Policy("threshold", 0.95))
    assert found.status is JobStatus.REVIEW
    assert (found.attempt.verdict, found.attempt.output) == ("escalate", {"label": "a"})
    assert found.attempt.reason_code == "below_threshold"


@pytest.mark.parametrize("error", ["input_too_long", "no_text"])
def test_a_row_without_answer_waits_in_review(error: str) -> None:
    """What another model could perhaps answer is not failed, in any mode."""
    for policy in (Policy("keep_all"), Policy("threshold", 0.0), Policy("escalate_all")):
        found = judge(Completion(5, None, error=error), policy)
        assert (found.status, found.attempt.verdict) == (JobStatus.REVIEW, "escalate")
        assert (found.attempt.reason_code, found.attempt.output) == (error, None)


def test_an_engines_failure_is_final_and_paid() -> None:
    """A row that the engine failed on ends failed, and its device time is still counted."""
    found = judge(Completion(5, None, usage=USAGE, error="engine_failed"), Policy("keep_all"))
    assert (found.status, found.attempt.verdict) == (JobStatus.FAILED, "failed")
    assert found.attempt.cost_nano_usd == 15_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_reasons_are_words_without_content(language: Language) -> None:
    """Every attempt has a reason in the batch's language; the row's text stands nowhere in it."""
    for completion in (SURE, Completion(5, None, error="input_too_long")):
        attempt = judge(completion, Policy("threshold", 0.5), language).attempt
        assert attempt.reason
        assert attempt.reason != attempt.reason_code
        assert not any(JOB.text in str(getattr(attempt, one.name)) for one in fields(attempt))


CLOUD: dict[str, Any] = {"cloud": "claude-haiku-4-5", "data_class": "open", "budget_nano_usd": 1}
UNSURE = Completion(
    5, "a", (("a", 0.6), ("b", 0.4)), confidence_source="label_probability", usage=USAGE
)


def plan_with(route: Route, task: Task = TASK) -> Plan:
    """A plan in English, with a threshold."""
    return Plan(task, Policy("threshold", 0.9), route, "en")


def test_what_is_not_kept_climbs() -> None:
    """The next local tier first, then the cloud; the attempt says escalate and the gate's why."""
    plan = plan_with(Route(("stub", "large"), **CLOUD))
    first = conclude(plan, TIER, JOB, UNSURE)
    assert (first.status, first.step) == (JobStatus.WAITING, Step("local", 1, "local.large"))
    second = conclude(plan, replace(TIER, number=1), JOB, UNSURE)
    assert (second.status, second.step) == (JobStatus.ESCALATED, Step("cloud", 2, "cloud"))
    for found in (first, second):
        assert (found.attempt.verdict, found.attempt.reason_code) == ("escalate", "below_threshold")
        assert (found.obstacle_code, found.obstacle) == (None, None)


def test_what_is_kept_climbs_nowhere() -> None:
    """A kept answer is the end, whatever else could be asked."""
    found = conclude(plan_with(Route(("stub", "large"), **CLOUD)), TIER, JOB, SURE)
    assert (found.status, found.step) == (JobStatus.DONE, None)


@pytest.mark.parametrize(
    ("change", "obstacle"),
    [
        ({"data_class": "local_only"}, "policy_local_only"),
        ({"budget_nano_usd": 0}, "no_budget"),
        ({"cloud": "none"}, None),
    ],
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_obstacle_is_named_in_words(
    change: dict[str, Any], obstacle: str | None, language: Language
) -> None:
    """A row that may not leave waits in review; a route without cloud is no obstacle to name."""
    plan = replace(plan_with(Route(("stub",), **{**CLOUD, **change})), language=language)
    found = conclude(plan, TIER, JOB, UNSURE)
    assert (found.status, found.step, found.obstacle_code) == (JobStatus.REVIEW, None, obstacle)
    assert found.obstacle == (None if obstacle is None else say(obstacle, language))
    assert found.attempt.output == {"label": "a"}


def test_an_engines_failure_climbs_nowhere() -> None:
    """What a person must look at is not handed on to a dearer tier."""
    broken = Completion(5, None, error="engine_failed")
    found = conclude(plan_with(Route(("stub", "large"), **CLOUD)), TIER, JOB, broken)
    assert (found.status, found.step) == (JobStatus.FAILED, None)


RECORD = Extract(
    ExtractTask(
        kind="extract",
        fields=(FieldSpec(name="shop", type="string"), FieldSpec(name="count", type="integer")),
    )
)
ORDER = Job(5, "b1", 1, "r1", "Shop Aoi orders 12 cups", 0)
CLOUD_ROUTE = Route(("stub",), **CLOUD)


def ask_cloud(
    text: str, finish: CloudFinish = "stop", local_fields: Mapping[str, Any] | None = None
) -> Outcome:
    """Conclude for one reply of the cloud to the order."""
    usage = CloudUsage(100, 20, cache_read_tokens=7)
    reply = CloudReply(text, finish, usage, "claude-haiku-4-5-20251001", "req_1")
    return conclude_cloud(
        plan_with(CLOUD_ROUTE, RECORD),
        ORDER,
        reply,
        tier=1,
        cost_nano_usd=123,
        local_fields=local_fields,
    )


def line_of(value: Any, *, kept: bool, problem: str | None = None) -> dict[str, Any]:
    """A field as a local tier left it."""
    return {
        "value": value,
        "span": [0, 3],
        "confidence": 0.95,
        "confidence_source": "token_logprobs",
        "tier": 0,
        "problem": problem,
        "kept": kept,
    }


def test_field_lines_say_which_fields_are_kept() -> None:
    """Each field is judged by itself, so that a dearer tier need not answer the sure ones."""
    text = '{"shop": "Aoi", "count": 12}'
    completion = write_bytes(text, {"12": math.log(0.5)})
    found = conclude(plan_with(CLOUD_ROUTE, RECORD), TIER, ORDER, replace(completion, key=5))
    fields = found.attempt.fields
    assert fields is not None
    assert (fields["shop"]["value"], fields["shop"]["kept"]) == ("Aoi", True)
    assert fields["shop"]["span"] == [5, 8]
    assert (fields["count"]["value"], fields["count"]["kept"]) == (12, False)
    assert fields["count"]["confidence"] == pytest.approx(0.5)
    assert {line["tier"] for line in fields.values()} == {0}
    assert found.status is JobStatus.ESCALATED
    json.dumps(fields)


LINES = Extract(
    ExtractTask.model_validate(
        {
            "kind": "extract",
            "fields": {
                "tags": {"type": "list", "items": "string"},
                "lines": {
                    "type": "list",
                    "fields": {"item": {"type": "string"}, "count": {"type": "integer"}},
                },
            },
        }
    )
)


@pytest.mark.parametrize(
    ("language", "reason"),
    [
        ("en", "not kept: the value of the field lines[0].count does not stand in the text"),
        ("ja", "不採用: 項目 lines[0].count の値が原文に見当たりません"),
    ],
)
def test_the_reason_names_the_field(language: Language, reason: str) -> None:
    """The way to what failed, in the words of the batch's language; a cloud's answer alike."""
    text = '{"tags": ["Aoi", "cups"], "lines": [{"item": "cups", "count": 13}]}'
    plan = replace(plan_with(CLOUD_ROUTE, LINES), language=language)
    completion = replace(write_bytes(text, {"Aoi": math.log(0.5)}), key=5)
    found = conclude(plan, TIER, ORDER, completion).attempt
    assert (found.verdict, found.reason_code) == ("escalate", "value_not_grounded")
    assert found.reason == reason
    assert found.fields is not None
    tags, lines = found.fields["tags"], found.fields["lines"]
    assert (tags["span"], tags["confidences"]) == ([[5, 8], [19, 23]], pytest.approx([0.5, 1]))
    assert (tags["kept"], tags["problem_at"]) == (False, None)
    assert lines["span"] == [{"item": [19, 23], "count": None}]
    assert (lines["confidences"], lines["problem_at"]) == ([{"item": 1, "count": 1}], "[0].count")
    json.dumps(found.fields)
    usage = CloudUsage(100, 20, cache_read_tokens=7)
    reply = CloudReply(text, "stop", usage, "claude-haiku-4-5-20251001", "req_1")
    local = {"tags": {**tags, "kept": True, "value": ["Aoi"]}}
    cloud = conclude_cloud(plan, ORDER, reply, tier=1, cost_nano_usd=1, local_fields=local)
    assert (cloud.status, cloud.attempt.reason) == (JobStatus.REVIEW, reason)
    assert cloud.attempt.output is not None
    assert cloud.attempt.output["tags"] == ["Aoi"]


def test_a_cloud_answer_is_done() -> None:
    """The attempt carries the provider's model, its tokens and its exact cost."""
    found = ask_cloud('{"shop": "Aoi", "count": 12}')
    attempt = found.attempt
    assert (found.status, found.step) == (JobStatus.DONE, None)
    assert (attempt.kind, attempt.tier, attempt.verdict) == ("cloud", 1, "keep")
    assert (attempt.model_name, attempt.model_hash) == ("claude-haiku-4-5-20251001", "")
    assert (attempt.output, attempt.cost_nano_usd) == ({"shop": "Aoi", "count": 12}, 123)
    assert (attempt.prompt_tokens, attempt.shared_tokens, attempt.output_tokens) == (107, 7, 20)
    assert (attempt.confidence, attempt.confidence_source) == (None, "none")
    assert (attempt.reason_code, attempt.reason) == ("cloud_answer", say("cloud_answer", "en"))
    assert attempt.fields is not None
    assert {line["tier"] for line in attempt.fields.values()} == {1}


def test_a_kept_local_field_beats_the_clouds() -> None:
    """Fields the gate kept stay with their tier; the others are the cloud's."""
    local = {"shop": line_of("Aoi", kept=True), "count": line_of(7, kept=False)}
    attempt = ask_cloud('{"shop": "Aoi orders", "count": 12}', local_fields=local).attempt
    assert attempt.output == {"shop": "Aoi", "count": 12}
    assert attempt.fields is not None
    assert attempt.fields["shop"] == local["shop"]
    assert (attempt.fields["count"]["tier"], attempt.fields["count"]["kept"]) == (1, True)


def test_a_problem_counts_only_where_the_clouds_field_is_used() -> None:
    """A value the cloud invented is a reason for review, unless a kept local one stands there."""
    text = '{"shop": "Midori", "count": 12}'
    alone = ask_cloud(text)
    assert (alone.status, alone.attempt.verdict) == (JobStatus.REVIEW, "escalate")
    assert alone.attempt.fields is not None
    assert alone.attempt.reason_code == alone.attempt.fields["shop"]["problem"]
    assert not alone.attempt.fields["shop"]["kept"]
    merged = ask_cloud(text, local_fields={"shop": line_of("Aoi", kept=True)})
    assert (merged.status, merged.attempt.reason_code) == (JobStatus.DONE, "cloud_answer")
    assert merged.attempt.output == {"shop": "Aoi", "count": 12}


def test_fields_of_another_spec_are_left_out() -> None:
    """A local field that the record does not have is not smuggled into it."""
    attempt = ask_cloud(
        '{"shop": "Aoi", "count": 12}', local_fields={"else": line_of(1, kept=True)}
    ).attempt
    assert attempt.output == {"shop": "Aoi", "count": 12}


@pytest.mark.parametrize("text", ["", "I cannot help.", '{"shop": "Aoi", "count": 12}'])
def test_a_refusal_waits_for_a_person(text: str) -> None:
    """What the cloud says beside a refusal is no answer, and is still paid for."""
    found = ask_cloud(text, "refusal", {"shop": line_of("Aoi", kept=True)})
    assert (found.status, found.step) == (JobStatus.REVIEW, None)
    assert (found.attempt.reason_code, found.attempt.output) == ("cloud_refused", None)
    assert (found.attempt.fields, found.attempt.cost_nano_usd) == (None, 123)


@pytest.mark.parametrize("text", ['{"shop": "Aoi", "cou', '{"shop": "Aoi", "count": 12}'])
def test_a_cut_answer_waits_for_a_person(text: str) -> None:
    """An answer that was cut off is never taken as whole."""
    found = ask_cloud(text, "length")
    assert (found.status, found.attempt.verdict) == (JobStatus.REVIEW, "escalate")
    assert found.attempt.reason_code not in ("cloud_answer", "no_answer")


@pytest.mark.parametrize("text", ["", "sorry", '{"shop": "Aoi"}', '{"shop": "Aoi", "count": "x"}'])
def test_an_answer_in_another_form_waits_for_a_person(text: str) -> None:
    """Words, and records that are not the spec's, are no answer; nothing is raised."""
    found = ask_cloud(text)
    assert (found.status, found.attempt.verdict) == (JobStatus.REVIEW, "escalate")
    assert found.attempt.reason
    assert found.attempt.reason != found.attempt.reason_code


def test_a_label_of_the_cloud_is_the_label() -> None:
    """Classify reads the cloud's answer too."""
    reply = CloudReply('{"label": "b"}', "stop", CloudUsage(), "m")
    plan = plan_with(CLOUD_ROUTE)
    found = conclude_cloud(plan, JOB, reply, tier=1, cost_nano_usd=0, local_fields=None)
    assert (found.status, found.attempt.label) == (JobStatus.DONE, "b")
    wrong = replace(reply, text='{"label": "c"}')
    found = conclude_cloud(plan, JOB, wrong, tier=1, cost_nano_usd=0, local_fields=None)
    assert (found.status, found.attempt.label) == (JobStatus.REVIEW, None)
