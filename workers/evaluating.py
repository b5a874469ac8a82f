"""`sekisho evaluate`: the run of `sekisho run` on a marked spec, then its rows against their gold.

Where it runs: a batch of its own in the user's database (`jobs.evaluate.marking`), which `status`,
`results`, `row` and `diff` know like any other. Evaluating the same file with the same spec and
model again measures that batch anew without answering a row twice; one that was interrupted goes
on. The cache is not used, so that speed and cost are those of answering.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from jobs.cost import NANO_USD_PER_USD, format_usd
from jobs.errors import SettingError, SourceError
from jobs.evaluate import (
    Evaluation,
    Wish,
    check_gold,
    evaluate,
    mark_spec,
    read_row,
    unanswered_row,
)
from jobs.evaluate.measure import FORM
from jobs.job import BatchStatus, Job
from jobs.source import Records, Row, read_records
from jobs.spec import Spec
from jobs.store import Database, batches, evaluations, results
from jobs.store.batches import Batch
from jobs.store.evaluations import NewEvaluation, Saved
from jobs.store.facts import BatchFacts, read_facts
from jobs.submit import shape_of
from jobs.tasks import build_task
from workers.run import Run, prepare, run_files

LANGUAGE_COLUMNS: Final = ("language", "source_lang", "target_lang")
"""Columns that are groups wherever a file has them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure: a file under the user's spec, and how."""

    spec: Spec
    path: Path
    gold: str
    wish: Wish
    cloud: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it; `new` is saved already."""

    evaluation: Evaluation
    saved: Saved
    batch_id: str


def complete(plan: Plan) -> Plan:
    """Return the plan with the language columns that the file has as groups.

    The file is read once for it, before anything is answered: raises SourceError for a column
    that is not there, SettingError for a gold column that the model would read, or of which
    nothing fits the spec.
    """
    text = plan.spec.input.text
    if plan.gold in ((text,) if isinstance(text, str) else text):
        raise SettingError("evaluate_gold_is_text", column=plan.gold)
    _open(plan, ())
    languages = [column for column in LANGUAGE_COLUMNS if _has(plan, column)]
    records = _open(plan, languages)
    rows, said = [], set()
    for record in islice(records, plan.limit):
        if isinstance(record, Row):
            values = dict(record.attributes)
            said |= {name for name in languages if values[name]}
            gold = values[plan.gold]
            rows.append(unanswered_row(record.record_number, record.source_id, gold))
    if rows or records.file_error is None:
        check_gold(plan.spec, rows, plan.wish)
    groups = (*plan.wish.groups, *(name for name in languages if name in said))
    return replace(plan, wish=replace(plan.wish, groups=tuple(dict.fromkeys(groups))))


def _has(plan: Plan, column: str) -> bool:
    try:
        _open(plan, (column,))
    except SourceError:
        return False
    return True


def _open(plan: Plan, columns: Sequence[str]) -> Records:
    shape = shape_of(plan.spec)
    keep = (*shape.keep, plan.gold, *plan.wish.groups, *columns)
    return read_records(plan.path, replace(shape, keep=tuple(dict.fromkeys(keep))))


def answer(run: Run, plan: Plan, model: str | None) -> tuple[Spec, Batch, float]:
    """Answer the file's rows with the spec or another model; return its batch and the seconds."""
    spec = mark_spec(plan.spec, plan.gold, plan.wish.groups, model=model, cloud=plan.cloud)
    handed = prepare(run.settings, spec, [plan.path], plan.limit)
    (report,) = run_files(replace(run, spec=spec), handed)
    batch = batches.get(run.database, report.batch_id)
    if batch.status is BatchStatus.FAILED:
        raise SourceError("evaluate_file_broken", problem=batch.file_error)
    return spec, batch, report.seconds


def measure(database: Database, plan: Plan, spec: Spec, batch: Batch) -> Outcome:
    """Measure an ended batch against its gold column, and save the figures.

    Raises SettingError for a batch that has not ended, or whose gold fits in no row.
    """
    if batch.status is not BatchStatus.CLOSED:
        raise SettingError("evaluate_not_ended", batch=batch.batch_id, status=batch.status.value)
    lines = results.stream_results(database, batch.batch_id)
    rows = [read_row(line, plan.gold, plan.wish.groups) for line in lines]
    found = evaluate(plan.spec, rows, plan.wish)
    facts = read_facts(database, batch.batch_id)
    seconds = evaluations.find_seconds(database, batch.batch_id)
    metrics = {**found.as_data(), "cost": _cost(facts, seconds)}
    prompt_hash = hash_prompt(database, spec, batch)
    new = NewEvaluation(
        identity=_identify(batch, plan),
        batch_id=batch.batch_id,
        spec_name=plan.spec.name,
        spec_hash=batch.spec_hash,
        task=spec.task.kind,
        file_name=batch.file_name,
        file_hash=batch.file_hash,
        gold_column=plan.gold,
        model_name=spec.route.tiers[0],
        model_hash=evaluations.find_model_hash(database, batch.batch_id),
        prompt_hash=prompt_hash,
        rows=found.rows,
        metrics=metrics,
        scores=found.as_scores(),
    )
    return Outcome(found, evaluations.save(database, new), batch.batch_id)


def _identify(batch: Batch, plan: Plan) -> str:
    wish = plan.wish
    parts = [
        FORM,
        batch.batch_id,
        plan.gold,
        list(wish.groups),
        wish.gold_other,
        wish.bar,
        list(wish.blocklist),
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def hash_prompt(database: Database, spec: Spec, batch: Batch) -> str:
    """Return the sha256 of what is asked of the batch's first row, without its text."""
    first = results.page_results(database, batch.batch_id, after_row=0, limit=1)
    attributes: Mapping[str, Any] = first[0]["attributes"] if first else {}
    row = Job(0, "", 1, "", "", 0, dict(attributes))
    return hashlib.sha256(repr(build_task(spec).render(row)).encode()).hexdigest()


def _cost(facts: BatchFacts, seconds: float | None) -> dict[str, Any]:
    """Return speed and money of a batch; money as exact decimal strings, from the ledger."""
    rows = facts.tally.rows - facts.tally.rejected
    all_nano_usd = facts.tally.cost_nano_usd
    device_seconds = facts.spent.device_ms / 1_000
    per_row = all_nano_usd / NANO_USD_PER_USD / rows if rows else None
    return {
        "rows": rows,
        "rejected": facts.tally.rejected,
        "lost": facts.tally.rows - facts.tally.ended,
        "seconds": seconds,
        "device_seconds": round(device_seconds, 3),
        "rows_per_second": rows / seconds if seconds else None,
        "rows_per_device_second": rows / device_seconds if device_seconds else None,
        "local_usd": format_usd(facts.local_nano_usd),
        "cloud_usd": format_usd(facts.money.settled_nano_usd),
        "cost_usd": format_usd(all_nano_usd),
        "usd_per_row": None if per_row is None else f"{per_row:.12f}".rstrip("0").ljust(4, "0"),
        "usd_per_1000_rows": format_usd(all_nano_usd * 1_000 // rows) if rows else None,
    }
