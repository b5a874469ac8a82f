"""The morning page of a batch: what happened, what needs a hand, what it cost. Pure.

Facts come in, a page of ready words goes out; `jobs.report.render` lays it out. Only counts, ids,
codes and their words are shown, never what stands in a row.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from jobs.cost import format_usd
from jobs.deadline import show_moment
from jobs.job import BatchStatus
from jobs.report.needs import Need, Say, count_left, find_needs, teller
from jobs.spec.zone import DEFAULT_ZONE
from jobs.store.facts import BatchFacts
from jobs.words import Language, say

Tone = Literal["good", "hand", "bad", "busy"]
LABELS: Final = ("page_happened", "page_needs", "page_cost", "page_time", "page_confidence")
ENDS: Final = ("done", "review", "rejected", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Fact:
    """A named value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a whole; `percent` is from 0 to 100, `end` the state it counts."""

    name: str
    count: int
    percent: float
    end: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page in one language; `labels` are the headings by their codes."""

    language: Language
    title: str
    headline: str
    tone: Tone
    made: str
    labels: Mapping[str, str]
    happened: tuple[Fact, ...]
    ends: tuple[Bar, ...]
    needs: tuple[Need, ...]
    cost: tuple[Fact, ...]
    time: tuple[Fact, ...]
    confidence: tuple[Bar, ...]
    notes: tuple[str, ...]


def compose_page(facts: BatchFacts, language: Language) -> Page:
    """Put a batch's facts into words."""
    told = teller(language)
    batch = facts.batch
    needs = tuple(find_needs(facts, language))
    tone, headline = _head(facts, told, needs)
    return Page(
        language=language,
        title=told("page_title", spec=batch.spec_name, file=batch.file_name),
        headline=headline,
        tone=tone,
        made=told("page_made", at=show_moment(facts.read_at, zone_of(facts))),
        labels={code: say(code, language) for code in LABELS},
        happened=tuple(_happened(facts, told)),
        ends=tuple(_ends(facts, told)),
        needs=needs,
        cost=tuple(_cost(facts, told)),
        time=tuple(_time(facts, told)),
        confidence=tuple(_confidence(facts)),
        notes=tuple(_notes(facts, told, needs)),
    )


def zone_of(facts: BatchFacts) -> str:
    """Return the time zone of a batch's spec; specs of the first versions name none."""
    return str(facts.batch.spec.get("timezone", DEFAULT_ZONE))


def _head(facts: BatchFacts, told: Say, needs: tuple[Need, ...]) -> tuple[Tone, str]:
    """Return the page's tone and its one sentence."""
    tally, status = facts.tally, facts.batch.status
    if status is BatchStatus.FAILED:
        return "bad", told("page_failed", cancelled=tally.cancelled, rejected=tally.rejected)
    if status is BatchStatus.CANCELLED:
        return "bad", told("page_cancelled", done=tally.done, rows=tally.rows)
    if status is not BatchStatus.CLOSED:
        return "busy", told("page_open", left=count_left(facts), rows=tally.rows)
    if tally.done == tally.rows:
        return ("hand" if needs else "good"), told("page_all_done", rows=tally.rows)
    bad = tally.rows - tally.done
    tone: Tone = "bad" if tally.failed else "hand"
    return tone, told("page_some_done", done=tally.done, rows=tally.rows, bad=bad)


def _happened(facts: BatchFacts, told: Say) -> Iterator[Fact]:
    batch = facts.batch
    route = batch.spec.get("route", {})
    yield Fact(told("page_batch"), batch.batch_id)
    yield Fact(told("sum_status"), batch.status.value)
    yield Fact(told("page_file"), f"{batch.file_name} ({facts.file_bytes:,} B)")
    yield Fact(told("page_spec"), f"{batch.spec_name} ({batch.spec_hash[:12]})")
    for answering in facts.answering:
        name = told("page_answered_by", model=answering.model)
        yield Fact(name, f"{answering.rows:,}")
    if facts.sent or route.get("cloud", "none") != "none":
        yield Fact(told("sum_escalated"), f"{facts.sent:,}")


def _ends(facts: BatchFacts, told: Say) -> Iterator[Bar]:
    """Yield how the rows ended, and those that did not."""
    whole = facts.tally.rows or 1
    counts = {
        "done": facts.tally.done,
        "review": facts.tally.review,
        "rejected": facts.tally.rejected,
        "failed": facts.tally.failed,
        "cancelled": facts.tally.cancelled,
        "left": count_left(facts),
    }
    names = {
        "done": told("sum_done"),
        "review": told("sum_review"),
        "rejected": told("sum_rejected"),
        "failed": told("sum_failed"),
        "cancelled": told("sum_cancelled"),
        "left": told("sum_left"),
    }
    for end, count in counts.items():
        if count or end == "done":
            yield Bar(names[end], count, 100 * count / whole, end)


def _cost(facts: BatchFacts, told: Say) -> Iterator[Fact]:
    money = facts.money

    def usd(nano_usd: int) -> str:
        return f"{format_usd(nano_usd)} USD"

    yield Fact(told("page_cost_local"), usd(facts.local_nano_usd))
    if facts.sent or money.budget_nano_usd:
        yield Fact(told("page_cost_cloud"), usd(money.settled_nano_usd))
        if money.maybe_paid_nano_usd:
            yield Fact(told("sum_maybe_paid"), usd(money.maybe_paid_nano_usd))
        if money.held_nano_usd:
            yield Fact(told("page_cost_held"), usd(money.held_nano_usd))
        left = money.budget_nano_usd - money.taken_nano_usd
        of = usd(money.budget_nano_usd)
        yield Fact(told("page_budget_left"), told("page_of", part=usd(left), whole=of))
    yield Fact(told("page_cost_all"), usd(facts.tally.cost_nano_usd))
    if facts.tally.done:
        each = facts.tally.cost_nano_usd * 1_000 // facts.tally.done
        yield Fact(told("page_cost_thousand"), usd(each))


def _time(facts: BatchFacts, told: Say) -> Iterator[Fact]:
    batch, zone = facts.batch, zone_of(facts)
    yield Fact(told("page_begun"), show_moment(batch.created_at, zone))
    if batch.closed_at is not None:
        yield Fact(told("page_ended"), show_moment(batch.closed_at, zone))
    seconds = ((batch.closed_at or facts.read_at) - batch.created_at).total_seconds()
    yield Fact(told("page_took"), show_seconds(seconds))
    if facts.opened_at is not None:
        reading = (facts.opened_at - batch.created_at).total_seconds()
        yield Fact(told("page_reading"), show_seconds(reading))
    if batch.deadline_at is not None:
        yield Fact(told("sum_deadline"), show_moment(batch.deadline_at, zone))
    device = show_seconds(facts.spent.device_ms / 1_000)
    yield Fact(told("sum_device"), f"{device}, {facts.spent.tokens:,} tokens")


def show_seconds(seconds: float) -> str:
    """Return a time as h:mm:ss, or as seconds below a minute."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{max(0.0, seconds):.1f} s"
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _confidence(facts: BatchFacts) -> Iterator[Bar]:
    """Yield the standing answers by confidence; nothing where no answer has one."""
    whole = sum(part.done + part.other for part in facts.confidence) or 1
    for part in facts.confidence:
        count = part.done + part.other
        end = "done" if part.done or not part.other else "review"
        yield Bar(f"{part.low}+", count, 100 * count / whole, end)


def _notes(facts: BatchFacts, told: Say, needs: tuple[Need, ...]) -> Iterator[str]:
    if not needs:
        yield told("page_nothing_needed")
    if facts.unknown_confidence:
        yield told("page_unknown_confidence", rows=facts.unknown_confidence)
    if facts.in_flight:
        yield told("page_in_flight", calls=facts.in_flight)
    if any(need.command for need in needs):
        yield told("page_commands")


def as_moment(at: datetime | None) -> str | None:
    """Return a moment for programs."""
    return None if at is None else at.isoformat()


def page_as_data(facts: BatchFacts, language: Language) -> dict[str, Any]:
    """Return the page for programs: counts, codes and commands, money as exact decimal strings."""
    batch, tally, money = facts.batch, facts.tally, facts.money
    return {
        "batch_id": batch.batch_id,
        "status": batch.status.value,
        "spec_name": batch.spec_name,
        "spec_hash": batch.spec_hash,
        "file_name": batch.file_name,
        "file_error": batch.file_error,
        "rows": tally.rows,
        **{end: getattr(tally, end) for end in ENDS},
        "left": count_left(facts),
        "escalated": facts.sent,
        "answered_by": {one.model: one.rows for one in facts.answering},
        "needs": [
            {"kind": need.kind, "rows": need.rows, "code": need.code, "command": need.command}
            for need in find_needs(facts, language)
        ],
        "cost_usd": format_usd(tally.cost_nano_usd),
        "local_cost_usd": format_usd(facts.local_nano_usd),
        "cloud_cost_usd": format_usd(money.settled_nano_usd),
        "maybe_paid_usd": format_usd(money.maybe_paid_nano_usd),
        "budget_usd": format_usd(money.budget_nano_usd),
        "budget_left_usd": format_usd(money.budget_nano_usd - money.taken_nano_usd),
        "created_at": as_moment(batch.created_at),
        "closed_at": as_moment(batch.closed_at),
        "deadline_at": as_moment(batch.deadline_at),
        "device_seconds": round(facts.spent.device_ms / 1_000, 3),
        "tokens": facts.spent.tokens,
        "confidence": [
            {"from": float(part.low), "done": part.done, "other": part.other}
            for part in facts.confidence
        ],
        "unknown_confidence": facts.unknown_confidence,
    }
