"""The end of a file: its results, its sidecar and its move, in an order safe to be killed in."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jobs.job import BatchStatus
from jobs.store import Database
from jobs.store.batches import Batch
from jobs.words import Language
from workers.report import report_on
from workers.watch.filing import (
    Slot,
    free_names,
    is_in_place,
    move,
    place_results,
    put_sidecar,
    survey,
)
from workers.watch.folder import Folder, split_path
from workers.watch.outcome import Outcome, Taken, judge, judge_copy, write_sidecar
from workers.watch.rules import Rules

WriteResults = Callable[[Database, str, Path], object]
"""Writes a batch's results (its id) into a file as a whole."""


class Ending:
    """Files away what has ended."""

    def __init__(
        self,
        database: Database,
        folder: Folder,
        rules: Rules,
        language: Language,
        write_results: WriteResults,
    ) -> None:
        self._database = database
        self._folder = folder
        self._rules = rules
        self._language = language
        self._write_results = write_results

    def prepare(self, taken: Taken, batch: Batch) -> Slot | None:
        """Make everything ready for a file whose batch has ended; None if the file is not there.

        Raises OSError for what is to be tried again.
        """
        return self._prepare(taken, batch, None)

    def prepare_refused(self, taken: Taken, outcome: Outcome) -> Slot | None:
        """The same for a file that never became a batch."""
        return self._prepare(taken, None, outcome)

    def finish(self, taken: Taken, slot: Slot) -> Mapping[str, Any] | None:
        """Move a file to its slot; return its sidecar, None if it is not there any more."""
        return slot.sidecar if move(self._folder, taken, slot) else None

    def _prepare(self, taken: Taken, batch: Batch | None, outcome: Outcome | None) -> Slot | None:
        if not is_in_place(self._folder, taken):
            return None
        batch_id = None if batch is None else batch.batch_id
        found = survey(self._folder, taken.path, taken.identity, batch_id)
        if found.begun is not None:
            return found.begun
        if batch is not None:
            outcome = self._judge(taken, batch, filed=found.filed)
        return None if outcome is None else self._reserve(taken, batch, outcome, found.number)

    def _judge(self, taken: Taken, batch: Batch, *, filed: bool) -> Outcome:
        report = report_on(self._database, batch, 0)
        its_own = batch.file_path == str(self._folder.path / taken.path) and not filed
        if its_own and taken.rule is not None:
            return judge(batch, report, taken.rule, self._language)
        return judge_copy(batch, report, taken.rule, self._language)

    def _reserve(self, taken: Taken, batch: Batch | None, outcome: Outcome, number: int) -> Slot:
        """Write results and sidecar under one name that is free for both and the file."""
        names = free_names(self._folder, taken.path, number)
        results: Path | None = None
        into = None if taken.rule is None else self._rules.results_folder(taken.rule)
        if into is not None and batch is not None and outcome.status == BatchStatus.CLOSED:
            batch_id = batch.batch_id
            name, results = place_results(
                into,
                names,
                lambda aside: self._write_results(self._database, batch_id, aside),
                taken.identity,
            )
        else:
            name = next(names)
        parent, _ = split_path(taken.path)
        sidecar = write_sidecar(
            taken,
            outcome,
            filed_as="/".join(filter(None, (outcome.section, parent, name))),
            results=None if results is None else str(results),
            now=datetime.now(UTC),
        )
        slot = Slot(outcome.section, name, sidecar, has_file=False)
        put_sidecar(self._folder, taken, slot)
        return slot
