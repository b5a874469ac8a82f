"""From an answer to an outcome: read it, judge it, price it, place it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from jobs.cloud import CloudReply
from jobs.complexity import StartRule, describe_start
from jobs.cost import DeviceRate, device_cost_nano_usd
from jobs.gate import Judgement, Policy, judge
from jobs.job import Attempt, Job, JobStatus, Outcome
from jobs.prompt import Completion, Finish
from jobs.route import Route, next_step
from jobs.tasks import Answer, FieldReading, Reading, Task, read_whole
from jobs.words import Language, say

FAILING: Final = frozenset(
    {
        "engine_failed",
        "labels_tokenise_alike",
        "answers_tokenise_alike",
        "schema_unusable",
        "server_failed",
    }
)
"""Errors of a local engine that a person must look at, whatever the route."""
SILENT: Final = frozenset({"no_cloud"})
"""Obstacles that are the spec's own choice: the gate's reason says all there is to say."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Who answers: step of the route, model and file, and what its device costs."""

    number: int
    model_name: str
    model_hash: str
    rate: DeviceRate


@dataclass(frozen=True, slots=True)
class Plan:
    """What all rows of a batch are treated by."""

    task: Task
    policy: Policy
    route: Route
    language: Language
    split: bool = False
    """Whether a text that is too long is asked about by parts."""
    start: StartRule | None = None
    """What decided with which local tier a row began; None where there was nothing to decide."""
    calibrated: bool = False
    """Whether the labels' probabilities are calibrated over the batch."""


def conclude(plan: Plan, tier: Tier, job: Job, completion: Completion) -> Outcome:
    """Return the attempt for one local completion and where its job goes."""
    return conclude_answer(plan, tier, job, read_whole(plan.task, job, completion))


def conclude_answer(plan: Plan, tier: Tier, job: Job, answer: Answer) -> Outcome:
    """Return the attempt for one row's answer and where its job goes.

    Kept answers are done. The others go to the next step of the route; where there is none
    they wait in review with their best answer.
    """
    reading = answer.reading
    judgement = judge(
        plan.policy,
        confidence=reading.confidence,
        problem=reading.problem,
        has_answer=reading.output is not None,
    )
    usage = answer.usage
    attempt = Attempt(
        job_id=job.job_id,
        kind="cache" if answer.cached else "local",
        tier=tier.number,
        model_name=tier.model_name,
        model_hash=tier.model_hash,
        output=reading.output,
        fields=_field_lines(reading, tier.number, plan.policy),
        label=reading.label,
        signals=_signals(plan, reading, job),
        confidence=reading.confidence,
        confidence_source=reading.confidence_source,
        verdict="keep" if judgement.keep else "escalate",
        reason_code=judgement.reason_code,
        reason=_words(judgement, plan.language, reading.problem_at),
        prompt_tokens=usage.prompt_tokens,
        shared_tokens=usage.shared_tokens,
        output_tokens=usage.output_tokens,
        device_ms=usage.device_ms,
        cost_nano_usd=device_cost_nano_usd(tier.rate, usage.device_ms),
    )
    if answer.error in FAILING:
        return Outcome(replace(attempt, verdict="failed"), JobStatus.FAILED)
    if judgement.keep:
        return Outcome(attempt, JobStatus.DONE)
    return _escalate(plan, tier, attempt)


def _signals(plan: Plan, reading: Reading, job: Job) -> Mapping[str, Any]:
    """Return what an attempt keeps beside its answer; `route` says why the row began where."""
    if plan.start is None:
        return reading.signals
    return {**reading.signals, "route": describe_start(plan.start, job.text)}


def _escalate(plan: Plan, tier: Tier, attempt: Attempt) -> Outcome:
    step = next_step(plan.route, tier.number)
    if step.kind == "local":
        return Outcome(attempt, JobStatus.WAITING, step)
    if step.kind == "cloud":
        return Outcome(attempt, JobStatus.ESCALATED, step)
    if step.obstacle is None or step.obstacle in SILENT:
        return Outcome(attempt, JobStatus.REVIEW)
    words = say(step.obstacle, plan.language)
    return Outcome(attempt, JobStatus.REVIEW, obstacle_code=step.obstacle, obstacle=words)


def _words(judgement: Judgement, language: Language, place: str | None) -> str:
    return say(judgement.reason_code, language, **dict(judgement.params), field=place)


def _field_lines(reading: Reading, tier: int, policy: Policy) -> dict[str, Any] | None:
    """Return the fields as they are stored; `kept` fields need no dearer tier."""
    if reading.fields is None:
        return None
    return {
        name: _field_line(field, tier, kept=_keeps(policy, field))
        for name, field in reading.fields.items()
    }


def _keeps(policy: Policy, field: FieldReading) -> bool:
    return judge(policy, confidence=field.confidence, problem=field.problem, has_answer=True).keep


def _field_line(field: FieldReading, tier: int, *, kept: bool) -> dict[str, Any]:
    """Return a field as it is stored.

    A list or a record also has the confidence of everything inside it, in its own shape, and
    the place of what failed.
    """
    inside = {"confidences": _confidences(field), "problem_at": field.problem_at or None}
    return {
        "value": field.value,
        "span": _as_json(field.span),
        "confidence": field.confidence,
        "confidence_source": field.confidence_source,
        "tier": tier,
        "problem": field.problem,
        "kept": kept,
        **(inside if field.inner is not None else {}),
    }


def _as_json(span: Any) -> Any:
    if isinstance(span, Mapping):
        return {name: _as_json(one) for name, one in span.items()}
    return [_as_json(one) for one in span] if isinstance(span, tuple) else span


def _confidences(field: FieldReading) -> Any:
    if isinstance(field.inner, Mapping):
        return {name: _confidences(one) for name, one in field.inner.items()}
    if field.inner is not None:
        return [_confidences(one) for one in field.inner]
    return field.confidence


def conclude_cloud(
    plan: Plan,
    job: Job,
    reply: CloudReply,
    *,
    tier: int,
    cost_nano_usd: int,
    local_fields: Mapping[str, Any] | None,
) -> Outcome:
    """Return the attempt for one cloud reply and where its job goes: done, or a person.

    Fields that the gate kept from a local tier stay; the others are the cloud's.
    """
    reading = _read_reply(plan.task, job, reply)
    fields, output, problem, place = _merge(reading, tier, local_fields)
    if reply.finish == "refusal":
        problem = "cloud_refused"
    keep = problem is None and output is not None
    code = "cloud_answer" if keep else problem or "no_answer"
    usage = reply.usage
    attempt = Attempt(
        job_id=job.job_id,
        kind="cloud",
        tier=tier,
        model_name=reply.model,
        model_hash="",
        output=output,
        fields=fields,
        label=reading.label,
        signals=reading.signals,
        confidence=reading.confidence,
        confidence_source=reading.confidence_source,
        verdict="keep" if keep else "escalate",
        reason_code=code,
        reason=say(code, plan.language, field=place),
        prompt_tokens=usage.prompt_tokens,
        shared_tokens=usage.cache_read_tokens,
        output_tokens=usage.output_tokens,
        device_ms=0.0,
        cost_nano_usd=cost_nano_usd,
    )
    return Outcome(attempt, JobStatus.DONE if keep else JobStatus.REVIEW)


def _read_reply(task: Task, job: Job, reply: CloudReply) -> Reading:
    finish: Finish = "length" if reply.finish == "length" else "stop"
    text = None if reply.finish == "refusal" else reply.text
    return task.read(Completion(job.job_id, text, finish=finish, asked="question"), job)


def _merge(
    reading: Reading, tier: int, local_fields: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None, str | None, str | None]:
    """Return (fields, output, problem, field that has it).

    A kept local field beats the cloud's, sound or not.
    """
    if reading.fields is None or reading.output is None:
        return None, reading.output, reading.problem, reading.problem_at
    merged = {
        name: _field_line(field, tier, kept=field.problem is None)
        for name, field in reading.fields.items()
    }
    for name, line in (local_fields or {}).items():
        if line.get("kept") and name in merged:
            merged[name] = dict(line)
    output = {name: line["value"] for name, line in merged.items()}
    wrong = next((name for name, line in merged.items() if line["problem"]), None)
    if wrong is None:
        return merged, output, None, None
    return merged, output, merged[wrong]["problem"], wrong + (merged[wrong].get("problem_at") or "")
