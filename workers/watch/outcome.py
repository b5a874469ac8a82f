"""What became of a file: where it goes, and what its sidecar says."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from jobs.job import BatchStatus
from jobs.store.batches import Batch
from jobs.words import Language, say
from workers.report import Report
from workers.watch.rules import FAILED, PROCESSED, Rule
from workers.watch.seen import Mark, Seen, show_path

ALREADY_TAKEN: Final = "already_taken"
REFUSED: Final = "refused"
COUNTS: Final = ("rows", "rejected", "done", "review", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was handed in; its bytes and its spec are its `identity`."""

    path: str
    mark: Mark
    rule: Rule | None
    identity: str
    sha256: str | None
    spec: Mapping[str, Any]
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a file goes and why; `to_do` is what a person can do about it."""

    section: str
    status: str
    reason_code: str
    reason: str
    to_do: str
    report: Report | None = None
    first: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Of a copy: what took its content before."""

    @property
    def is_bad(self) -> bool:
        """Whether a person should look."""
        return self.section == FAILED


def judge(batch: Batch, report: Report, rule: Rule, language: Language) -> Outcome:
    """Say what the end of its own batch means for a file."""
    if batch.status is BatchStatus.FAILED:
        return Outcome(
            FAILED,
            batch.status,
            batch.file_error or "watch_batch_failed",
            batch.file_error_reason or say("watch_batch_failed", language, batch=batch.batch_id),
            say("watch_do_mend", language),
            report,
        )
    if batch.status is BatchStatus.CANCELLED:
        reason = say("watch_batch_cancelled", language, batch=batch.batch_id)
        to_do = say("watch_do_force", language)
        return Outcome(FAILED, batch.status, "watch_batch_cancelled", reason, to_do, report)
    counts = {name: getattr(report, name) for name in COUNTS}
    named = {**counts, "bad": report.bad, "allowed": rule.allow_bad}
    if not report.bad:
        code, section = "watch_all_done", PROCESSED
    elif rule.allowed.permits(report):
        code, section = "watch_bad_allowed", PROCESSED
    else:
        code, section = "watch_too_many_bad", FAILED
    nothing = say("watch_do_nothing", language)
    to_do = say("watch_do_look", language, batch=batch.batch_id) if report.bad else nothing
    reason = say(code, language, **named)
    if batch.file_error_reason is not None:  # only its good rows were wanted
        reason = f"{reason} {batch.file_error_reason}"
    return Outcome(section, batch.status, code, reason, to_do, report)


def judge_copy(batch: Batch, report: Report, rule: Rule | None, language: Language) -> Outcome:
    """Say what becomes of a file whose content was taken before: it is not answered again.

    It stands where the first one does: what is bad of one is bad of the other.
    """
    allowed = rule is None or rule.allowed.permits(report)
    good = batch.status is BatchStatus.CLOSED and allowed
    section = PROCESSED if good else FAILED
    named = {"file": batch.file_name, "batch": batch.batch_id}
    first = {"file": batch.file_path, "status": batch.status, "file_error": batch.file_error}
    return Outcome(
        section,
        ALREADY_TAKEN,
        ALREADY_TAKEN,
        say(ALREADY_TAKEN, language, **named),
        say("watch_do_force", language),
        report,
        first,
    )


def refuse(code: str, params: Mapping[str, object], language: Language) -> Outcome:
    """Say what becomes of a file that cannot be read as its spec says."""
    reason = say(code, language, **params)
    return Outcome(FAILED, REFUSED, code, reason, say("watch_do_mend", language))


def refuse_unmatched(seen: Seen, language: Language) -> tuple[Taken, Outcome]:
    """Say what becomes of a file that no rule fits, where such files fail."""
    identity = hashlib.sha256(f"{seen.path}:{seen.mark}".encode()).hexdigest()
    taken = Taken(seen.path, seen.mark, None, identity, None, {}, datetime.now(UTC))
    reason = say("watch_no_rule", language, file=show_path(seen.path))
    to_do = say("watch_do_rule", language)
    return taken, Outcome(FAILED, REFUSED, "watch_no_rule", reason, to_do)


def write_sidecar(
    taken: Taken, outcome: Outcome, *, filed_as: str, results: str | None, now: datetime
) -> dict[str, Any]:
    """Return what stands beside the file; all of it is safe to share, but for its name."""
    report = outcome.report
    return {
        "path": taken.path,
        "filed_as": filed_as,
        "batch_id": None if report is None else report.batch_id,
        "status": outcome.status,
        "reason_code": outcome.reason_code,
        "reason": outcome.reason,
        "to_do": outcome.to_do,
        **{name: None if report is None else getattr(report, name) for name in COUNTS},
        "file_error": None if report is None else report.file_error,
        "cost_usd": None if report is None else report.cost_usd,
        "spec": dict(taken.spec) or None,
        "identity": taken.identity,
        "sha256": taken.sha256,
        "size_bytes": taken.mark.size_bytes,
        "taken_at": taken.taken_at.isoformat(),
        "finished_at": now.isoformat(),
        "results": results,
        **({"first": dict(outcome.first)} if outcome.first else {}),
    }


def show_end(sidecar: Mapping[str, Any]) -> dict[str, object]:
    """Return the parameters of the line that says how a file ended."""
    return {
        "file": show_path(str(sidecar["path"])),
        "status": sidecar["status"],
        "filed_as": show_path(str(sidecar["filed_as"])),
        "batch": sidecar["batch_id"] or "-",
        "reason": sidecar["reason"],
    }
