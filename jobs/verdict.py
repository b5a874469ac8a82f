"""From a completion to an outcome: read it, judge it, price it. Pure."""

from dataclasses import dataclass

from jobs.cost import DeviceRate, device_cost_nano_usd
from jobs.gate import Judgement, Policy, judge
from jobs.job import Attempt, Job, JobStatus, Outcome, Verdict
from jobs.prompt import Completion
from jobs.tasks import Reading, Task
from jobs.words import Language, say

FAILING: frozenset[str] = frozenset({"engine_failed", "labels_tokenise_alike"})
"""Errors that no other tier could mend either."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Who answers: step of the route, model and file, and what its device costs."""

    number: int
    model_name: str
    model_hash: str
    rate: DeviceRate


def conclude(
    job: Job, completion: Completion, *, task: Task, policy: Policy, tier: Tier, language: Language
) -> Outcome:
    """Return the attempt for one completion and the state its job goes to.

    Kept answers are done. The others wait in review with their best answer, since a route
    without a cloud has no dearer tier to ask.
    """
    reading = task.read(completion, job)
    judgement = judge(
        policy,
        confidence=reading.confidence,
        problem=reading.problem,
        has_answer=reading.output is not None,
    )
    status, verdict = _place(judgement, completion)
    return Outcome(_attempt(job, completion, reading, judgement, tier, verdict, language), status)


def _place(judgement: Judgement, completion: Completion) -> tuple[JobStatus, Verdict]:
    if completion.error in FAILING:
        return JobStatus.FAILED, "failed"
    if judgement.keep:
        return JobStatus.DONE, "keep"
    return JobStatus.REVIEW, "escalate"


def _attempt(
    job: Job,
    completion: Completion,
    reading: Reading,
    judgement: Judgement,
    tier: Tier,
    verdict: Verdict,
    language: Language,
) -> Attempt:
    usage = completion.usage
    return Attempt(
        job_id=job.job_id,
        kind="local",
        tier=tier.number,
        model_name=tier.model_name,
        model_hash=tier.model_hash,
        output=reading.output,
        label=reading.label,
        signals=reading.signals,
        confidence=reading.confidence,
        confidence_source=reading.confidence_source,
        verdict=verdict,
        reason_code=judgement.reason_code,
        reason=say(judgement.reason_code, language, **dict(judgement.params)),
        prompt_tokens=usage.prompt_tokens,
        shared_tokens=usage.shared_tokens,
        output_tokens=usage.output_tokens,
        device_ms=usage.device_ms,
        cost_nano_usd=device_cost_nano_usd(tier.rate, usage.device_ms),
    )
