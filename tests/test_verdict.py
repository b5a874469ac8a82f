"""From a completion to an outcome: kept, in review, or failed, with its reason and its price."""

from dataclasses import fields
from decimal import Decimal

import pytest

from jobs.cost import DeviceRate
from jobs.gate import Policy
from jobs.job import Job, JobStatus, Outcome
from jobs.prompt import Completion, Usage
from jobs.spec import ClassifyTask, Label
from jobs.tasks import Classify
from jobs.verdict import Tier, conclude
from jobs.words import LANGUAGES, Language

TASK = Classify(ClassifyTask(kind="classify", labels=(Label(name="a"), Label(name="b"))))
TIER = Tier(0, "stub", "hash", DeviceRate(Decimal(36), Decimal(0), Decimal(0)))
JOB = Job(5, "b1", 1, "r1", "secret words of a customer", 0)
USAGE = Usage(prompt_tokens=10, shared_tokens=4, output_tokens=2, device_ms=1.5)
SURE = Completion(
    5, "a", (("a", 0.9), ("b", 0.1)), confidence_source="label_probability", usage=USAGE
)


def judge(completion: Completion, policy: Policy, language: Language = "en") -> Outcome:
    """Conclude for the one job."""
    return conclude(JOB, completion, task=TASK, policy=policy, tier=TIER, language=language)


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
