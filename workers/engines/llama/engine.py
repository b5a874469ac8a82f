"""The engine: many rows in one decode, behind a prefix that is read once for all of them."""

import atexit
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Sequence as Many
from contextlib import contextmanager
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.prompt import Prompt
from workers.engines.llama.groups import Groups
from workers.engines.llama.labels import Opening
from workers.engines.llama.model import DecodeError, Model, NoSlotError, Piece
from workers.engines.llama.scheduler import Budget, Scheduler
from workers.engines.llama.sequence import Group, Sequence
from workers.engines.protocol import EngineModel
from workers.engines.thread import EngineThread, Ticket
from workers.journal import Journal

PREFIX: Final = 0  # the sequence that holds the resident prefix; rows and paths have the others
ROOT: Final = 0  # the first branch of a trie

Unit = tuple[int, Sequence, Opening]  # a row's sequence number, the row, a part of its trie
Logits = NDArray[np.float32]  # (outputs, vocabulary)


class LlamaEngine(EngineThread):
    """Answers prompts with one GGUF file in this process; `load_engine` makes it."""

    def __init__(
        self,
        model: Model,
        groups: Groups,
        journal: Journal,
        about: EngineModel,
        budget: Budget,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(about, clock=clock)
        self._native = model
        self._groups = groups
        self._journal = journal
        self._budget = budget
        self._scheduler = Scheduler(budget)
        self._resident: tuple[int, ...] = ()
        atexit.register(self.close)  # native code that outlives the interpreter crashes
        self.start()

    def step(self) -> None:
        """Answer the rows the scheduler picks; parts of a step that failed come again at once."""
        rows = self._scheduler.pick()
        parts = [rows] if rows else []
        while parts:
            parts = self._answer_rows(parts[0]) + parts[1:]

    def check(self, prompt: Prompt) -> None:
        self._groups.find(prompt)

    def admit(self, tickets: Many[Ticket]) -> None:
        """Tokenise arrivals; native too, so their ids stand in the journal meanwhile."""
        lonely = [[ticket] for ticket in tickets if ticket.alone]
        together = [ticket for ticket in tickets if not ticket.alone]
        for part in (together, *lonely):
            if part:
                with self._suspecting(ticket.prompt.key for ticket in part):
                    for ticket in part:
                        self._admit_one(ticket)

    def drop(self, tickets: Collection[Ticket]) -> None:
        self._scheduler.remove(tickets)

    def release(self) -> None:
        with self._changed:  # a submitter may be tokenising labels
            self._native.free()
        atexit.unregister(self.close)

    @contextmanager
    def _suspecting(self, keys: Iterable[int]) -> Iterator[None]:
        """Hold the ids of rows in the journal while native code works on them."""
        self._journal.write(list(keys))
        try:
            yield
        finally:
            self._journal.clear()

    def _admit_one(self, ticket: Ticket) -> None:
        prompt = ticket.prompt
        group = self._groups.find(prompt)
        if not prompt.text.strip():
            self.fail(ticket, "no_text")
            return
        try:
            tokens = self._native.tokenise(prompt.text, special=False) + group.suffix
        except DecodeError:
            self.fail(ticket, "engine_failed")
            return
        if self._budget.holds(group, len(tokens)):
            self._scheduler.add(Sequence(ticket, group, tokens))
        else:
            self.fail(ticket, "input_too_long")

    def _answer_rows(self, rows: list[Sequence]) -> list[list[Sequence]]:
        """Score rows and deliver them; returns what to try again if the step failed."""
        try:
            with self._suspecting(row.key for row in rows):
                self._score(rows)
        except NoSlotError:
            self._clean(rows)
            return self._halve(rows)
        except DecodeError:
            self._clean(rows)
            return self._isolate(rows)
        self.count(steps=1, shared_tokens=len(rows) * len(rows[0].group.prefix))
        for row in rows:
            self.answer(row.ticket, row.completion())
        return []

    def _score(self, rows: list[Sequence]) -> None:
        """Find the logits of every branch of every row's trie."""
        group = rows[0].group
        if group.prefix and group.prefix != self._resident:
            self._read_prefix(rows, group)
        numbered = tuple(enumerate(rows, start=PREFIX + 1))
        self._read_rows(numbered, group)
        for units in self._pack_openings(numbered, group):
            self._read_openings(units, group, first_free=PREFIX + 1 + len(rows))
        for number, _ in numbered:
            self._native.forget(number)

    def _read_prefix(self, rows: list[Sequence], group: Group) -> None:
        """Make the group's prefix the resident one; these rows pay for it, equally."""
        self._resident = ()
        self._native.clear()
        self._forward([Piece(group.prefix, 0, (PREFIX,), False)], [(row, 1) for row in rows])
        self._resident = group.prefix

    def _read_rows(self, numbered: Many[tuple[int, Sequence]], group: Group) -> None:
        """Read each row behind the prefix; its last logits are those of the trie's root."""
        at = len(group.prefix)
        for number, _ in numbered if at else ():
            self._native.copy(PREFIX, number)
        logits = self._forward(
            [Piece(row.tokens, at, (number,), True) for number, row in numbered],
            [(row, len(row.tokens)) for _, row in numbered],
        )
        if group.trie.branches:
            for (_, row), values in zip(numbered, logits, strict=True):
                row.branch_logits[ROOT] = values[list(group.trie.branches[ROOT].children)]

    def _pack_openings(
        self, numbered: Many[tuple[int, Sequence]], group: Group
    ) -> Iterator[list[Unit]]:
        """Cut rows x openings into parts that one decode holds beside the rows."""
        sequences = self._budget.sequences - 1 - len(numbered)
        read = len(group.prefix) + sum(len(row.tokens) for _, row in numbered)
        cells = min(self._budget.cells - read, self._budget.context_tokens)
        units: list[Unit] = []
        for opening in group.trie.openings:
            for number, row in numbered:
                wider = [*units, (number, row, opening)]
                if units and (
                    sum(one.paths for _, _, one in wider) > sequences
                    or sum(one.outputs for _, _, one in wider) > sequences
                    or sum(len(one.nodes) for _, _, one in wider) > cells
                ):
                    yield units
                    wider = wider[-1:]
                units = wider
        if units:
            yield units

    def _read_openings(self, units: list[Unit], group: Group, *, first_free: int) -> None:
        """Read inner nodes over sequences that share their row's memory, then forget them."""
        pieces: list[Piece] = []
        wanted: list[tuple[Sequence, int]] = []
        free = first_free
        for number, row, opening in units:
            paths = range(free, free + opening.paths)
            free = paths.stop
            for path in paths:
                self._native.copy(number, path)
            end = len(group.prefix) + len(row.tokens)
            for node in opening.nodes:
                users = tuple(paths[path] for path in node.paths)
                pieces.append(
                    Piece((node.token,), end + node.depth, users, node.branch is not None)
                )
                if node.branch is not None:
                    wanted.append((row, node.branch))
            row.output_tokens += len(opening.nodes)
        shares = [(row, len(opening.nodes)) for _, row, opening in units]
        logits = self._forward(pieces, shares)
        for (row, branch), values in zip(wanted, logits, strict=True):
            row.branch_logits[branch] = values[list(group.trie.branches[branch].children)]
        for path in range(first_free, free):
            self._native.forget(path)

    def _forward(self, pieces: list[Piece], shares: list[tuple[Sequence, int]]) -> Logits:
        """Decode, and split the device time over sequences by their shares."""
        started = self._clock()
        logits = self._native.decode(pieces)
        seconds = self._clock() - started
        whole = sum(share for _, share in shares)
        for row, share in shares:
            row.device_ms += 1000 * seconds * share / whole
        tokens = sum(len(piece.tokens) for piece in pieces)
        self.count(forwarded_tokens=tokens, busy_seconds=seconds)
        return logits

    def _clean(self, rows: list[Sequence]) -> None:
        """Empty the context after a failure; nothing in it can be trusted."""
        self._native.clear()
        self._resident = ()
        for row in rows:
            row.restart()

    def _halve(self, rows: list[Sequence]) -> list[list[Sequence]]:
        if len(rows) == 1:
            self.fail(rows[0].ticket, "engine_failed", rows[0].usage())
            return []
        return [rows[: len(rows) // 2], rows[len(rows) // 2 :]]

    def _isolate(self, rows: list[Sequence]) -> list[list[Sequence]]:
        """Give each row one more try, alone, so that a bad one cannot fail its neighbours."""
        for row in rows:
            row.failures += 1
            if row.failures > 1:
                self.fail(row.ticket, "engine_failed", row.usage())
        return [[row] for row in rows if row.failures == 1]
