"""What of a batch needs a hand, the most urgent first, with the commands to run next. Pure."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from jobs.cost import format_usd
from jobs.job import BatchStatus
from jobs.store.deadlines import DEADLINE
from jobs.store.facts import BatchFacts, Reason
from jobs.store.review import RESUMABLE, SHORT_OF_MONEY
from jobs.words import Language, say

Say = Callable[..., str]
ASKED_AGAIN: Final = (*RESUMABLE, DEADLINE)


@dataclass(frozen=True, slots=True)
class Need:
    """Something a person has to look at, and the command to run next; it may have none."""

    kind: str
    name: str
    rows: int
    code: str
    words: str
    command: str


def teller(language: Language) -> Say:
    """Return a `say` of one language."""
    return partial(_say, language)


def _say(language: Language, code: str, **params: object) -> str:
    return say(code, language, **params)


def count_left(facts: BatchFacts) -> int:
    """Return how many rows have no end yet."""
    return facts.tally.rows - facts.tally.ended


def find_needs(facts: BatchFacts, language: Language) -> Iterator[Need]:
    """Yield what needs a hand: failed rows, rows in review, rejects, the file, then warnings."""
    told = teller(language)
    batch_id = facts.batch.batch_id
    for status, name in (
        ("failed", told("sum_failed")),
        ("review", told("sum_review")),
        ("rejected", told("sum_rejected")),
    ):
        for reason in facts.reasons:
            if reason.status == status:
                command, words = _command(reason, batch_id), reason.words
                if status != "rejected":  # whose words name their record
                    words = told("page_first_row", row=reason.first_row, words=words)
                yield Need(status, name, reason.rows, reason.code, words, command)
    if facts.batch.file_error is not None:
        yield _file_need(facts, told)
    if count_left(facts):
        words, command = told("page_need_left"), f"sekisho status {batch_id} --follow"
        yield Need("left", told("sum_left"), count_left(facts), "unfinished", words, command)
    lost = facts.money.maybe_paid_nano_usd
    if lost:
        words = told("page_need_maybe_paid", usd=format_usd(lost))
        yield Need("money", told("sum_maybe_paid"), 0, "maybe_paid", words, "")


def _command(reason: Reason, batch_id: str) -> str:
    """Return what to run next about rows that ended so."""
    if reason.status == "failed":
        return f"sekisho row {batch_id} {reason.first_row}"
    if reason.status == "rejected":
        return f"sekisho rejects {batch_id}"
    if reason.code in SHORT_OF_MONEY:
        return f"sekisho resume {batch_id} --budget USD"
    if reason.code in ASKED_AGAIN:
        return f"sekisho resume {batch_id}"
    return f"sekisho results {batch_id} --out {batch_id}.csv"


def _file_need(facts: BatchFacts, told: Say) -> Need:
    batch = facts.batch
    file = shlex.quote(batch.file_name)
    partly = " --partial" if batch.status is BatchStatus.FAILED else ""
    return Need(
        kind="file",
        name=told("page_file"),
        rows=0,
        code=batch.file_error or "",
        words=batch.file_error_reason or "",
        command=f"sekisho run {file} --spec SPEC{partly}",
    )
