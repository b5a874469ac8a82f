"""Where a file goes and what its sidecar says."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from jobs.job import BatchStatus
from jobs.store.batches import Batch
from jobs.words import LANGUAGES, Language
from tests.watch.making import seen
from workers.report import Report
from workers.watch.outcome import (
    Taken,
    judge,
    judge_copy,
    refuse,
    refuse_unmatched,
    show_end,
    write_sidecar,
)
from workers.watch.rules import Rule

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = Batch(
    "b1", "i1", 0, BatchStatus.CLOSED, "small", "h", {}, "en", "a.csv", "/d/a.csv", "f" * 64,
    None, None, False, 10, NOW, NOW,
)  # fmt: skip
REPORT = Report("b1", "closed", 10, 0, 10, 0, 0, 0, 0, 0, 0, 0, None, "0", 0.0)


def rule(allow_bad: str = "0") -> Rule:
    """A rule for everything."""
    return Rule(spec="s.toml", allow_bad=allow_bad)


@pytest.mark.parametrize(
    ("bad", "allowed", "section", "code"),
    [
        (0, "0", "processed", "watch_all_done"),
        (1, "1", "processed", "watch_bad_allowed"),
        (1, "10%", "processed", "watch_bad_allowed"),
        (1, "0", "failed", "watch_too_many_bad"),
        (2, "10%", "failed", "watch_too_many_bad"),
    ],
)
def test_allow_bad_decides(bad: int, allowed: str, section: str, code: str) -> None:
    """As for `run`: more bad rows than the rule allows is for a person to look at."""
    report = replace(REPORT, done=10 - bad, review=bad)
    outcome = judge(BATCH, report, rule(allowed), "en")
    assert (outcome.section, outcome.reason_code) == (section, code)
    assert outcome.is_bad == (section == "failed")
    assert ("sekisho results b1" in outcome.to_do) == bool(bad)


def test_a_broken_file_failed_with_its_own_words() -> None:
    """The batch's code and reason."""
    broken = replace(
        BATCH, status=BatchStatus.FAILED, file_error="unclosed_quote", file_error_reason="a quote"
    )
    outcome = judge(broken, REPORT, rule("100%"), "en")
    assert (outcome.section, outcome.reason_code, outcome.reason) == (
        "failed",
        "unclosed_quote",
        "a quote",
    )
    copy = judge_copy(broken, REPORT, rule(), "en")
    assert (copy.section, copy.status) == ("failed", "already_taken")
    assert copy.first["file_error"] == "unclosed_quote"
    cancelled = judge(replace(BATCH, status=BatchStatus.CANCELLED), REPORT, rule(), "en")
    assert (cancelled.section, cancelled.reason_code) == ("failed", "watch_batch_cancelled")


def test_a_copy_is_processed_and_names_the_batch() -> None:
    """It was not answered again."""
    outcome = judge_copy(BATCH, REPORT, rule(), "en")
    assert (outcome.section, outcome.status) == ("processed", "already_taken")
    assert "b1" in outcome.reason


def test_a_copy_of_what_went_badly_failed_too() -> None:
    """Nobody takes rows for answered that are not: cancelled, or more bad ones than allowed."""
    cancelled = replace(BATCH, status=BatchStatus.CANCELLED)
    assert judge_copy(cancelled, REPORT, rule("100%"), "en").section == "failed"
    bad = replace(REPORT, done=9, review=1)
    assert judge_copy(BATCH, bad, rule(), "en").section == "failed"
    assert judge_copy(BATCH, bad, rule("1"), "en").section == "processed"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sidecar_says_everything(language: Language) -> None:
    """Batch, status, counts, spec, content, times, why in words and code, and what to do."""
    taken = Taken("s/a.csv", seen().mark, rule(), "i1", "f" * 64, {"name": "small"}, NOW)
    outcome = judge(BATCH, REPORT, rule(), language)
    said = write_sidecar(taken, outcome, filed_as="processed/s/a.csv", results=None, now=NOW)
    assert list(said) == [
        "path", "filed_as", "batch_id", "status", "reason_code", "reason", "to_do",
        "rows", "rejected", "done", "review", "failed", "cancelled", "file_error", "cost_usd",
        "spec", "identity", "sha256", "size_bytes", "taken_at", "finished_at", "results",
    ]  # fmt: skip
    assert (said["batch_id"], said["rows"], said["finished_at"]) == ("b1", 10, NOW.isoformat())
    assert show_end(said)["filed_as"] == "processed/s/a.csv"


def test_a_file_that_never_became_a_batch() -> None:
    """Unreadable, or without a rule: it has no batch and no counts."""
    taken, unmatched = refuse_unmatched(seen("x.bin"), "en")
    assert refuse_unmatched(seen("x.bin"), "en")[0].identity == taken.identity
    for outcome in (unmatched, refuse("empty_file", {"file": "/d/x.bin"}, "en")):
        said = write_sidecar(taken, outcome, filed_as="failed/x.bin", results=None, now=NOW)
        assert (said["batch_id"], said["rows"], said["status"]) == (None, None, "refused")
        assert "x.bin" in said["reason"]
        assert show_end(said)["batch"] == "-"
