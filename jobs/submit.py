"""Handing in: a file and a spec become a batch, loaded in small transactions, once.

The same file bytes and the same canonical spec are the same batch: it is found again, resumed
where its loading stopped, or simply reported. `force` makes a new one.
"""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

from jobs.ahead import work_ahead
from jobs.collecting import collect_rarely
from jobs.complexity import find_start, rule_of
from jobs.deadline import Deadline
from jobs.errors import LeaseLost, SourceError
from jobs.job import BatchStatus, NewJob, NewReject
from jobs.plan import estimate_tokens, plan_chunks
from jobs.source import InputShape, Params, Records, Reject, Row, read_records
from jobs.source.fields import is_text
from jobs.source.opening import open_file, unreadable
from jobs.spec import Spec
from jobs.spec.task_section import TaskSection
from jobs.store import Database, batches, loading
from jobs.store.batches import Batch, InputFile, NewBatch
from jobs.store.loading import LoadLease
from jobs.texts import hash_text
from jobs.words import Language, say

STEP_RECORDS: Final = 5_000
STEP_CHARS: Final = 8_000_000  # a few long texts fill a step too, or its memory had no bound
WAIT_SECONDS: Final = 0.2
HASH_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Handed:
    """What a file and a spec are to Sekisho before anything is written.

    With a `limit` only the first records are read: rows and rejects together.
    """

    path: Path
    file: InputFile
    spec: Spec
    limit: int | None = None
    open_records: Callable[[], Records] | None = None
    """How the file is read, where that is not what the spec says of its files."""

    @property
    def identity(self) -> str:
        """Equal for the same file bytes, the same canonical spec and the same limit."""
        limited = "" if self.limit is None else f":limit={self.limit}"
        return hashlib.sha256(f"{self.file.hash}:{self.spec.hash()}{limited}".encode()).hexdigest()


def hand_in(path: Path, spec: Spec, limit: int | None = None) -> Handed:
    """Read a file's bytes once for its identity; raises SourceError if it cannot be read.

    Nor can a file be handed in whose path is no text: no database could hold it.
    """
    full_path = str(path.absolute())
    if not is_text(full_path):
        shown = full_path.encode("utf-8", "replace").decode()
        raise SourceError("argument_undecodable", argument=shown)
    digest = hashlib.sha256()
    size_bytes = 0
    try:
        with open_file(path) as stream:
            while part := stream.read(HASH_BYTES):
                digest.update(part)
                size_bytes += len(part)
    except OSError as error:
        raise unreadable(path, error) from error
    file = InputFile(path.name, full_path, digest.hexdigest(), size_bytes)
    return Handed(path, file, spec, limit)


def check_readable(handed: Handed) -> None:
    """Raise SourceError if the file cannot be read as the spec says, before any record."""
    records_of(handed)


def submit(
    database: Database,
    handed: Handed,
    *,
    language: Language,
    wait: Callable[[float], object],
    force: bool = False,
    partial: bool = False,
    use_cache: bool = True,
    deadline: Deadline | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
    on_warning: Callable[[str, Params], None] = lambda *_: None,
) -> Batch:
    """Return the file's batch with every row in SQL, loading what is missing.

    Raises SourceError before anything is written when the file cannot be read at all;
    `on_progress` hears the number of records in SQL, `on_warning` what was odd, `wait` pauses
    between looks at a batch that another process is loading.
    """
    records = records_of(handed)
    new = NewBatch(
        handed.identity, handed.spec, handed.file, language, partial, use_cache, deadline
    )
    batch = batches.create(database, new, force=force)
    while batch.status is BatchStatus.LOADING:
        lease = loading.claim_loading(database, batch.batch_id)
        if lease is None:
            wait(WAIT_SECONDS)
        else:
            # Whoever took the lease from a process that slept goes on loading the same file.
            with suppress(LeaseLost):
                _load(database, lease, handed, records, new, on_progress, on_warning)
        batch = batches.get(database, batch.batch_id)
    return batch


def records_of(handed: Handed) -> Records:
    """Open the file; raises SourceError if it cannot be read as a whole."""
    if handed.open_records is not None:
        return handed.open_records()
    return read_records(handed.path, shape_of(handed.spec))


def shape_of(spec: Spec) -> InputShape:
    """Return how to read a spec's files."""
    section = spec.input
    return InputShape(
        id=section.id,
        text=section.text,
        keep=tuple(dict.fromkeys((*section.keep, *spec.task.columns))),
        format=section.format,
        encoding=section.encoding,
        delimiter=section.delimiter,
        header=section.header,
        columns=section.columns,
        max_text_chars=section.max_text_chars,
        records=section.records,
        sheet=section.sheet,
    )


def _load(
    database: Database,
    lease: LoadLease,
    handed: Handed,
    records: Records,
    new: NewBatch,
    on_progress: Callable[[int], None],
    on_warning: Callable[[str, Params], None],
) -> None:
    coming = _prepare(records, lease.records_read, handed, new.language)
    with collect_rarely(), closing(work_ahead(coming)) as steps:
        for step in steps:
            ids = [row.source_id for row in step.rows]
            if known := loading.known_texts(database, lease.batch_id, ids):
                step = _separate(step.records, known, handed, new.language)  # noqa: PLW2901 - the same step
            lease = loading.add_rows(
                database,
                lease,
                spec=handed.spec,
                planned=list(plan_chunks(place(handed.spec, step.rows))),
                rejected=step.rejected,
                records_read=lease.records_read + len(step.records),
            )
            on_progress(lease.records_read)
    for warning in records.warnings:
        on_warning(warning.code, warning.params)
    broken, params = records.file_error, records.file_error_params
    try:
        if hand_in(handed.path, handed.spec).file.hash != handed.file.hash:
            broken, params = "file_changed", {"file": handed.file.name}
    except SourceError as error:  # what was read is in SQL: the batch ends, it does not hang
        broken, params = error.code, error.params
    reason = None if broken is None else say(broken, new.language, **name_file(params, handed))
    loading.finish_loading(
        database, lease, file_error=broken, file_error_reason=reason, partial=new.partial
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """The records of one transaction, and what becomes of them as far as they know each other."""

    records: Sequence[Row | Reject]
    rows: Sequence[NewJob]
    rejected: Sequence[NewReject]


def _prepare(
    records: Records, records_read: int, handed: Handed, language: Language
) -> Generator[_Step, None, None]:
    """Yield the steps after the records that are read; what SQL knows of them is not asked."""
    for step in read_steps(islice(iter(records), records_read, handed.limit)):
        yield _separate(step, {}, handed, language)


def _separate(
    step: Sequence[Row | Reject], known: dict[str, str], handed: Handed, language: Language
) -> _Step:
    return _Step(step, *separate(step, known, handed.file.name, language, handed.spec.task))


def place(spec: Spec, rows: Sequence[NewJob]) -> Sequence[NewJob]:
    """Return the rows with the local tier that each of them begins at."""
    rule = rule_of(spec)
    if rule.tiers == 1:
        return rows
    tier_of = find_start(rule)
    return [replace(row, start_tier=tier_of(row)) for row in rows]


def name_file(params: Params, handed: Handed) -> Params:
    """Let words name the file handed in, where it was read under another name (`workers.watch`)."""
    if str(handed.path.absolute()) == handed.file.path:
        return params
    read_as = str(handed.path)
    return {key: handed.file.path if value == read_as else value for key, value in params.items()}


def read_steps(records: Iterable[Row | Reject]) -> Iterator[list[Row | Reject]]:
    """Yield records in the portions that one transaction takes."""
    step: list[Row | Reject] = []
    chars = 0
    for record in records:
        step.append(record)
        if isinstance(record, Row):
            chars += len(record.text)
        if len(step) >= STEP_RECORDS or chars >= STEP_CHARS:
            yield step
            step, chars = [], 0
    if step:
        yield step


def separate(
    step: Iterable[Row | Reject],
    known: dict[str, str],
    file_name: str,
    language: Language,
    task: TaskSection,
) -> tuple[list[NewJob], list[NewReject]]:
    """Part records into jobs and rejects; of rows with one id the first one wins.

    `known` holds source_id -> text hash of the rows before this step and is extended. Rows that
    `task` cannot be asked about are rejects.
    """
    rows: list[NewJob] = []
    rejected: list[NewReject] = []
    for record in step:
        if isinstance(record, Row):
            record = _refuse_unusable(record, task)  # noqa: PLW2901 - it may be a reject now
        if isinstance(record, Row):
            text_hash = hash_text(record.text)
            if record.source_id not in known:
                known[record.source_id] = text_hash
                rows.append(_as_job(record, text_hash))
                continue
            same = "same" if known[record.source_id] == text_hash else "conflict"
            record = Reject(record.record_number, record.source_id, f"duplicate_id_{same}")  # noqa: PLW2901 - it is a reject now
        words = say(
            record.reason_code,
            language,
            **{"file": file_name, "record": record.record_number, **record.params},
        )
        rejected.append(
            NewReject(record.record_number, record.source_id, record.reason_code, words)
        )
    return rows, rejected


def _refuse_unusable(row: Row, task: TaskSection) -> Row | Reject:
    problem = task.find_row_problem(dict(row.attributes))
    return row if problem is None else Reject(row.record_number, row.source_id, *problem)


def _as_job(row: Row, text_hash: str) -> NewJob:
    return NewJob(
        row_number=row.record_number,
        source_id=row.source_id,
        text=row.text,
        attributes=dict(row.attributes),
        estimated_tokens=estimate_tokens(row.text),
        text_hash=text_hash,
    )
