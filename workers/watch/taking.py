"""Taking: a file that stands still becomes a batch, or is joined to the one its content has."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from jobs import submit
from jobs.errors import NotBuiltError, SekishoError, SourceError
from jobs.faults import trip
from jobs.job import BatchStatus
from jobs.spec import Spec
from jobs.store import Database, batches
from jobs.store.batches import Batch
from jobs.submit import Handed
from jobs.words import Language
from workers.run import UNFINISHED
from workers.view import View
from workers.watch.folder import Folder
from workers.watch.outcome import Taken
from workers.watch.rules import Rule
from workers.watch.seen import Seen

READ_AGAIN: Final = frozenset({"file_unreadable", "file_missing"})
"""What the system may allow the next time."""

NOT_ITS_FAULT: Final = READ_AGAIN | {"extra_missing"}
"""What keeps a file from being read and is no property of the file."""


@dataclass(frozen=True, slots=True)
class Handing:
    """What came of a file: its batch, or why there is none; neither if it joined another."""

    taken: Taken
    batch: Batch | None = None
    refused: SekishoError | None = None


class Taking:
    """Hands files in."""

    def __init__(
        self,
        database: Database,
        folder: Folder,
        language: Language,
        view: View,
        wait: Callable[[float], object],
    ) -> None:
        self._database = database
        self._folder = folder
        self._language = language
        self._view = view
        self._wait = wait

    def take(
        self, seen: Seen, rule: Rule, spec: Spec, join: Callable[[Taken], bool]
    ) -> Handing | None:
        """Hand a file in; None if another one stands there by now.

        `join` is asked first whether the same content is in flight already. Raises OSError and
        SourceError for a file that cannot be read here and now, and ServiceError; the file is to
        be tried again then.
        """
        with self._folder.pinned(seen) as path:
            if path is None:
                return None
            real = self._folder.path / seen.path
            handed = submit.hand_in(path, spec)
            handed = replace(handed, file=replace(handed.file, path=str(real)))
            taken = _as_taken(seen, rule, handed)
            if join(taken):
                return Handing(taken)
            try:
                return Handing(taken, self._find_or_submit(handed, rule))
            except (SourceError, NotBuiltError) as error:
                named = type(error)(error.code, **submit.name_file(error.params, handed))
                if error.code in NOT_ITS_FAULT:
                    raise named from error
                return Handing(taken, refused=named)

    def _find_or_submit(self, handed: Handed, rule: Rule) -> Batch:
        found = batches.find(self._database, handed.identity)
        again = found is not None and _may_retry(found, rule)
        if found is not None and found.status not in UNFINISHED and not again:
            return found
        batch = submit.submit(
            self._database,
            handed,
            language=self._language,
            wait=self._wait,
            force=again,
            partial=rule.partial,
            on_warning=lambda code, params: self._view.say(
                code, **submit.name_file(params, handed)
            ),
        )
        trip("watch_after_submit")
        broken = batch.file_error or ""
        if batch.status is BatchStatus.FAILED and broken in READ_AGAIN:
            reason = batch.file_error_reason
            raise SourceError(broken, file=handed.file.path, reason=reason)
        return batch


def _may_retry(batch: Batch, rule: Rule) -> bool:
    """A file that could not be read whole, or was written to meanwhile, is read again; a broken
    one is taken after all when only its good rows are wanted.
    """
    if batch.status is not BatchStatus.FAILED:
        return False
    read_badly = batch.file_error in READ_AGAIN or batch.file_error == "file_changed"
    return read_badly or (rule.partial and not batch.partial)


def _as_taken(seen: Seen, rule: Rule, handed: Handed) -> Taken:
    return Taken(
        path=seen.path,
        mark=seen.mark,
        rule=rule,
        identity=handed.identity,
        sha256=handed.file.hash,
        spec={"name": handed.spec.name, "hash": handed.spec.hash(), "file": rule.spec},
        taken_at=datetime.now(UTC),
    )
