"""The client: hands rows in, waits, and reads answers, all by SQL."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from jobs import submit as handing
from jobs.address import find_database_url, find_state_folder
from jobs.client.given import AnySpec, Rows, check_limit, check_rows, read_any_spec
from jobs.client.opening import OwnDatabase
from jobs.client.records import (
    Rejected,
    Result,
    Status,
    Submitted,
    as_rejected,
    as_result,
    as_status,
)
from jobs.client.spool import spooled
from jobs.client.watch import Watch, find_missing
from jobs.errors import NobodyWorksError, SekishoError
from jobs.job import BatchStatus
from jobs.prices import built_in_prices, check_cloud_model
from jobs.route import NO_CLOUD
from jobs.spec import Spec
from jobs.store import batches, chunks, outbox, price_list, results, workers
from jobs.submit import Handed
from jobs.words import Language, choose_language, say

PAGE_ROWS: Final = 1_000
SILENCE_SECONDS: Final = 300.0

_Record = TypeVar("_Record")


class Client:
    """A producer's way in and out; it needs the database and nothing else.

    It only hands in and reads: the answering is done by `sekisho dispatch` and `sekisho worker
    local`, which somebody keeps running on the same database. One client may be used by many
    threads, and in a process forked from the one that made it; it opens its database when it is
    first needed. Errors are those of `jobs.errors`, with their words as a note.
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        language: Language | None = None,
        pause: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the database named, else the one every command here would use.

        That is SEKISHO_DATABASE_URL, else `database_url` of sekisho.toml, else the file
        sekisho.db here. `language` is that of reasons and notes, by default the environment's;
        `pause` and `clock` are what waiting is done with. Raises SettingError for an address
        that is none; nothing is opened yet.
        """
        self._language = language or choose_language()
        self._pause = pause
        self._clock = clock
        with self._in_words():
            self._database = OwnDatabase(database_url or find_database_url())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; another use opens them again."""
        self._database.close()

    def submit(
        self,
        rows: Rows | str | os.PathLike[str],
        spec: AnySpec,
        *,
        name: str = "rows",
        force: bool = False,
        partial: bool = False,
        limit: int | None = None,
    ) -> Submitted:
        """Hand rows in, and return their batch when every one of them is in SQL.

        `rows` is a path to a file, or an iterable of mappings with the spec's columns (id, text,
        keep), which is read once, as a stream, and shown as the file `name`. A row that is none
        (no id, no text, a text that is a number) is a reject with its reason, as in a file;
        what the iterable itself raises is raised, and then nothing is handed in.
        `spec` is a path, TOML text, its tables as a mapping, or a `Spec`.

        The same rows in the same order with the same spec are the same batch: it is found
        again, and its loading goes on where a killed process stopped. So handing in again is
        always safe. `force` makes a new batch, `limit` takes the first rows only (another batch
        too), `partial` takes the good rows of a broken file.

        Raises SpecError, SourceError (a file that cannot be read at all), SettingError,
        ServiceError; in all these cases nothing was handed in.
        """
        with self._in_words():
            check_limit(limit)
            read = read_any_spec(spec)
            self._check_cloud(read)
            with self._hand_in(rows, read, name, limit) as handed:
                return self._load(handed, force=force, partial=partial)

    def status(self, batch_id: str) -> Status:
        """Return how a batch stands; raises NotFoundError if there is none."""
        with self._in_words():
            database = self._database.to_read()
            batch = batches.get(database, batch_id)
            return as_status(batch, results.tally(database, batch.batch_id))

    def wait(
        self,
        batch_id: str,
        *,
        timeout_seconds: float | None = None,
        silence_seconds: float | None = SILENCE_SECONDS,
    ) -> Status:
        """Wait until a batch is over and return how it ended; look at `Status.bad`.

        It is looked at every 0.2 s at first, every 5 s in the end. Raises WaitTimeoutError
        after `timeout_seconds` (None: never), and NobodyWorksError when nothing has moved for
        `silence_seconds` and nobody is there to move it; its words say what to start. Both
        leave the batch as it is: wait again.
        """
        with self._in_words():
            watch = Watch(self._clock(), timeout_seconds, silence_seconds)
            status = self.status(batch_id)
            while not status.is_over:
                at = self._clock()
                watch.look(at, status)
                if watch.is_late(at):
                    raise watch.timeout(status) from self._find_silence(watch, status)
                if watch.is_silent(at) and (silence := self._find_silence(watch, status)):
                    raise silence
                self._pause(watch.next_pause_seconds(at))
                status = self.status(status.batch_id)
            return status

    def results(self, batch_id: str) -> Iterator[Result]:
        """Iterate the rows of a batch in the order they were handed in, rejects left out.

        Rows in any state, so `wait` first; a row that is not done has no `output`. They are read
        in pages of 1,000: memory stays flat, and no transaction is open in between. Raises
        NotFoundError.
        """
        return self._read_pages(batch_id, results.page_results, as_result)

    def rejects(self, batch_id: str) -> Iterator[Rejected]:
        """Iterate the records of a batch that could not be read as rows, in the same way."""
        return self._read_pages(batch_id, results.page_rejects, as_rejected)

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Let an error say in words what happened and what to do."""
        try:
            yield
        except SekishoError as error:
            self._put_in_words(error)
            raise

    def _put_in_words(self, error: SekishoError) -> None:
        if not getattr(error, "__notes__", None):
            error.add_note(say(error.code, self._language, **error.params))

    def _check_cloud(self, spec: Spec) -> None:
        """Refuse a cloud model no price names, before a row could wait for it."""
        if spec.route.cloud != NO_CLOUD:
            own = price_list.find_stored(self._database.address)
            check_cloud_model((*own, *built_in_prices()), spec.route.cloud)

    def _hand_in(
        self, rows: Rows | str | os.PathLike[str], spec: Spec, name: str, limit: int | None
    ) -> AbstractContextManager[Handed]:
        if isinstance(rows, str | os.PathLike):
            handed = handing.hand_in(Path(rows), spec, limit)
            handing.check_readable(handed)
            return nullcontext(handed)
        check_rows(rows, name)
        self._database.to_write()  # before the rows are asked for: they may be dear
        folder = find_state_folder(self._database.address)
        return spooled(rows, spec, folder, name=name, limit=limit)

    def _load(self, handed: Handed, *, force: bool, partial: bool) -> Submitted:
        database = self._database.to_write()
        found = batches.find(database, handed.identity)
        again = found is not None and found.status is BatchStatus.FAILED and partial
        warnings: list[str] = []
        batch = handing.submit(
            database,
            handed,
            language=self._language,
            wait=self._pause,
            force=force or again,
            partial=partial,
            on_warning=lambda code, params: warnings.append(say(code, self._language, **params)),
        )
        tally = results.tally(database, batch.batch_id)
        return Submitted(
            batch_id=batch.batch_id,
            status=batch.status,
            rows=tally.rows,
            rejected=tally.rejected,
            file_error=batch.file_error,
            file_error_reason=batch.file_error_reason,
            warnings=tuple(warnings),
        )

    def _find_silence(self, watch: Watch, status: Status) -> NobodyWorksError | None:
        """Return what is missing for a batch to move, None if everything seems to be there."""
        database = self._database.to_read()
        needed = chunks.needed_models(database, status.batch_id)
        live = {worker.model_name for worker in workers.list_live(database)}
        missing = find_missing(status, needed, live, outbox.debts(database))
        if missing is None:
            return None
        silence = watch.silence(status, *missing)
        self._put_in_words(silence)
        return silence

    def _read_pages(
        self,
        batch_id: str,
        page: Callable[..., list[dict[str, Any]]],
        as_record: Callable[[Mapping[str, Any]], _Record],
    ) -> Iterator[_Record]:
        with self._in_words():
            found = batches.get(self._database.to_read(), batch_id).batch_id
        return self._iterate(found, page, as_record)

    def _iterate(
        self,
        batch_id: str,
        page: Callable[..., list[dict[str, Any]]],
        as_record: Callable[[Mapping[str, Any]], _Record],
    ) -> Iterator[_Record]:
        after_row = 0
        while True:
            with self._in_words():
                database = self._database.to_read()
                lines = page(database, batch_id, after_row=after_row, limit=PAGE_ROWS)
            yield from (as_record(line) for line in lines)
            if len(lines) < PAGE_ROWS:
                return
            after_row = lines[-1]["row_number"]
