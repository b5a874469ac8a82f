"""What the next decode reads: pure, without clock or model; the engine's one algorithm.

Every step is filled in this order, under one budget of tokens: rows that are being written (a
token each, or what a grammar forced), branches of label tries (heaviest first over all rows),
prefixes and prompts that are half read, and then rows that wait. A row waits until the context
has room for its prompt and its expected answer; when answers outgrow that, the youngest rows
give their place back and are read again later, with what they have written. The oldest row can
always go on, so every row that was let in ends.
"""

from collections.abc import Collection, Iterable
from typing import Final

from workers.engines.llama.expectation import Expectation
from workers.engines.llama.labels import Tokens
from workers.engines.llama.prefixes import Prefixes
from workers.engines.llama.sequence import NOWHERE, Prefix, Sequence
from workers.engines.llama.step import Budget, Left, Opening, Part, Room, Step, bound, is_alone
from workers.engines.llama.waiting import Waiting

WRITERS_LEAVE: Final = 4
"""Rows that are written leave one sequence in so many to labels, which do not stay ..."""
LABELS_LEAVE: Final = 8
"""... and labels with branches leave one in so many to their paths."""
SETS_HAVE: Final = 4
"""Rows with a question for each label have one in so many: most is for the paths they open."""
MOST_PASSED: Final = 8
"""In so many steps labels may go past an answer that waits for the room they take."""


class Scheduler:
    """Waiting rows, running rows (oldest first) and the prefixes that the context holds."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._waiting = Waiting()
        self._running: list[Sequence] = []
        self._prefixes = Prefixes()
        self._expected = Expectation()
        self._most_rows = budget.sequences
        self._steps = 0
        self._passed = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._running)

    @property
    def held_cells(self) -> int:
        """KV cells that hold tokens now."""
        return sum(row.read for row in self._running) + self._prefixes.cells

    def add(self, row: Sequence) -> None:
        """Queue a row that `Budget.holds`."""
        self._waiting.add(row)

    def plan(self) -> Step:
        """Choose what the next decode reads; its parts are empty when there is nothing to do."""
        self._steps += 1
        step = Step()
        lanes = self._lanes()
        for number in range(len(lanes)):
            self._fill(step, lanes[(self._steps + number) % len(lanes)])
            if step.parts or step.openings:
                return step
        if len(self._waiting) and not self._running and not any(self._lanes()):
            self._begin_anew(step)
        return step

    def finish(self, row: Sequence) -> None:
        """Forget a row that has its answer; its part of the context is free."""
        if row in self._running:
            self._running.remove(row)
            self._most_rows = min(self._most_rows + 1, self._budget.sequences)
            self._expected.see(row)

    def remove(self, tickets: Collection[object]) -> list[Sequence]:
        """Forget the rows of `tickets`; returns those of them that the context may hold."""
        gone = {id(ticket) for ticket in tickets}
        if not gone:
            return []
        self._waiting.remove(lambda row: id(row.ticket) in gone)
        cut = [row for row in self._running if id(row.ticket) in gone]
        self._running = [row for row in self._running if id(row.ticket) not in gone]
        self._prefixes.replace_sponsors(gone, self._waiting)
        return cut

    def put_back(self, rows: Collection[Sequence]) -> None:
        """Let those of some rows that run begin again, before all others."""
        out = {id(row) for row in rows}
        back = [row for row in self._running if id(row) in out]
        self._running = [row for row in self._running if id(row) not in out]
        self._waiting.put_back(back)

    def drop_prefixes(self, step: Step) -> list[Prefix]:
        """Forget the prefixes that a step was to read, and return them."""
        dropped = [part.owner for part in step.parts if isinstance(part.owner, Prefix)]
        for prefix in dropped:
            self._prefixes.drop(prefix)
        return dropped

    def put_all_back(self) -> None:
        """Let every row that runs begin again: the context was emptied."""
        self._waiting.put_back(self._running)
        self._running = []
        self._prefixes.clear()

    def bound_rows(self) -> None:
        """Let in no more rows than run now, until one of them ends: there was no room for more."""
        self._most_rows = max(len(self._running), 1)

    def younger_half(self, rows: Collection[Sequence]) -> list[Sequence]:
        """Return those of some rows that came last, at least one and about half."""
        ids = {id(row) for row in rows}
        known = [row for row in self._running if id(row) in ids]
        known += [row for row in rows if row not in known]
        return known[len(known) // 2 :]

    def prefix_of(self, row: Sequence) -> Prefix | None:
        """Return the prefix that a row shares, None if it has none."""
        return self._prefixes.of(row)

    def runs_beside(self, row: Sequence) -> bool:
        """Tell whether another row holds a part of the context."""
        return any(other is not row for other in self._running)

    # -- the parts of a step ---------------------------------------------------------------------

    def _lanes(self) -> list[list[Sequence | Prefix]]:
        """Return who may be read together: most rows, and each that must be alone."""
        runs: list[Sequence | Prefix] = [*self._running]
        runs += [prefix for prefix in self._prefixes if prefix.unread and prefix.fresh]
        lonely = [[one] for one in runs if is_alone(one)]
        return [[one for one in runs if not is_alone(one)], *lonely]

    def _fill(self, step: Step, lane: list[Sequence | Prefix]) -> None:
        together = not (lane and is_alone(lane[0]))
        left = self._left()
        rows = [one for one in lane if isinstance(one, Sequence)]
        prefixes = [one for one in lane if isinstance(one, Prefix)]
        self._read(step, left, [row for row in rows if row.begun])
        self._open(step, left, rows)
        self._read(step, left, [*prefixes, *(row for row in rows if not row.begun)])
        if together:
            self._admit(step, left)

    def _left(self) -> Left:
        held = sum(row.place != NOWHERE for row in self._running) + self._prefixes.places
        budget = self._budget
        return Left(
            tokens=budget.step_tokens,
            outputs=budget.outputs,
            sequences=budget.sequences - held,
            cells=budget.cells - self.held_cells,
        )

    def _read(self, step: Step, left: Left, owners: Iterable[Sequence | Prefix]) -> None:
        """Let rows and prefixes read on, as far as tokens, outputs and cells go."""
        for owner in owners:
            if owner in step.freed or id(owner) in step.busy or not owner.unread:
                continue
            wanted = min(owner.unread, left.tokens)
            self._make_cells(step, left, wanted, owner)
            count, outputs = bound(owner, min(wanted, left.cells), left.outputs)
            if count <= 0 or (owner.place == NOWHERE and left.sequences <= 0):
                continue
            step.parts.append(Part(owner, count, outputs))
            step.busy.add(id(owner))
            left.tokens -= count
            left.outputs -= outputs
            left.cells -= count
            left.sequences -= owner.place == NOWHERE

    def _open(self, step: Step, left: Left, rows: list[Sequence]) -> None:
        """Open branches, heaviest first over all rows; each takes a path for this step alone."""
        wishes = [(weight, row, branch) for row in rows for weight, branch in row.wanted()]
        wishes.sort(key=lambda wish: -wish[0])
        chosen: dict[int, tuple[Sequence, list[int]]] = {}
        for _, row, branch in wishes:
            tokens = len(row.group.trie.branches[branch].path)
            if row in step.freed:
                continue
            if id(row) not in chosen:  # no row loses its place for what can wait for a step
                self._make_cells(step, left, min(tokens, left.tokens), row)
            if tokens > min(left.tokens, left.cells) or min(left.sequences, left.outputs) < 1:
                continue
            step.busy.add(id(row))
            chosen.setdefault(id(row), (row, []))[1].append(branch)
            left.tokens -= tokens
            left.cells -= tokens
            left.sequences -= 1
            left.outputs -= 1
        step.openings = [Opening(row, tuple(branches)) for row, branches in chosen.values()]

    def _make_cells(self, step: Step, left: Left, wanted: int, owner: Sequence | Prefix) -> None:
        """Free cells for an owner: idle prefixes, then rows younger than it, then any prefix."""
        besides = owner.tokens if isinstance(owner, Prefix) else owner.group.prefix
        while left.cells < wanted:
            idle = self._find_idle(step, besides)
            if idle is not None:
                self._evict(step, left, idle)
                continue
            if isinstance(owner, Prefix):
                return
            youngest = self._running[-1]
            if youngest is not owner:
                if id(youngest) in step.busy:
                    return
                self._free(step, left, youngest)
                self.put_back([youngest])
                continue
            fresh = self._find_idle(step, besides, fresh=True)
            if fresh is None:
                return
            self._evict(step, left, fresh)

    def _find_idle(
        self, step: Step, besides: Tokens, chosen: Iterable[Prefix] = (), *, fresh: bool = False
    ) -> Prefix | None:
        """Return a prefix that can be given up in this step, besides those already chosen."""
        busy = step.busy | {id(one) for one in chosen}
        return self._prefixes.find_idle(self._running, besides=besides, fresh=fresh, busy=busy)

    def _evict(self, step: Step, left: Left, prefix: Prefix) -> None:
        self._prefixes.drop(prefix)
        self._free(step, left, prefix)

    def _free(self, step: Step, left: Left, one: Sequence | Prefix) -> None:
        left.cells += one.read
        left.sequences += one.place != NOWHERE
        step.freed.append(one)

    # -- letting rows in -------------------------------------------------------------------------

    def _admit(self, step: Step, left: Left) -> None:
        """Let waiting rows in, submission by submission, while this step can read of them.

        A row without room keeps its turn and holds up those behind it; only labels, which leave
        soon, go past an answer that would be written, and not for long where they are what it
        waits for.
        """
        room = self._room()
        writers_blocked = False
        for head in self._waiting.heads():
            row: Sequence | None = head
            first = True
            while row is not None and left.tokens > 0 and row not in step.freed:
                writes = row.group.writing is not None
                if (writes and writers_blocked) or (row.group.several and self._sets_run()):
                    break
                if not self._make_room(step, left, room, row):
                    held_up = self._labels_hold_up(row)
                    self._passed += held_up
                    if not writes or (held_up and self._passed > MOST_PASSED):
                        return
                    writers_blocked = True
                    break
                if not self._prefix_stands(step, left, room, row):
                    break
                self._let_in(room, row)
                self._passed = 0 if writes else self._passed
                if first:
                    self._waiting.pass_turn(row.ticket.submission)
                first = False
                if not row.alone:  # else it is read in a step of its own
                    self._read(step, left, [row])
                row = self._waiting.next_of(row.ticket.submission)

    def _sets_run(self) -> bool:
        """Tell whether as many rows with a question for each label run as there should be."""
        running = sum(row.group.several for row in self._running)
        return running >= max(self._budget.sequences // SETS_HAVE, 1)

    def _let_in(self, room: Room, row: Sequence) -> None:
        self._waiting.take(row)
        self._running.append(row)
        prefix = self._prefixes.of(row)
        if prefix is not None:
            if prefix.fresh:
                room.cells -= self._expected.cells(prefix.sponsor)
            prefix.fresh = False
            prefix.used = self._steps
        room.rows += 1
        room.sequences += 1
        room.cells += self._expected.cells(row)

    def _prefix_stands(self, step: Step, left: Left, room: Room, row: Sequence) -> bool:
        """Tell whether a row's prefix is read; begins to read it for the row if it is not."""
        if not row.group.prefix:
            return True
        prefix = self._prefixes.of(row)
        if prefix is None:
            prefix = self._prefixes.begin(row, self._steps)
            room.sequences += 1
            room.cells += len(prefix.tokens) + self._expected.cells(row)
        if prefix.unread and not prefix.fresh:  # who it was read for is gone
            prefix.sponsor, prefix.fresh = row, True
            room.cells += self._expected.cells(row)
        if prefix.unread and not (row.alone or prefix.sponsor.alone):
            self._read(step, left, [prefix])
        return not prefix.unread

    def _make_room(self, step: Step, left: Left, room: Room, row: Sequence) -> bool:
        """Tell whether a row fits beside what runs; idle prefixes make way for it."""
        most_cells, most_rows = self._limits(row)
        if room.rows >= most_rows:
            return False
        cells, sequences = self._needs(row)
        chosen: list[Prefix] = []  # for a row that would find no room anyway none is given up
        while (
            room.cells + cells - sum(len(one.tokens) for one in chosen) > most_cells
            or room.sequences + sequences - len(chosen) >= self._budget.sequences
        ):
            idle = self._find_idle(step, row.group.prefix, chosen)
            if idle is None:
                return False
            chosen.append(idle)
        for prefix in chosen:
            self._evict(step, left, prefix)
            room.cells -= len(prefix.tokens)
            room.sequences -= 1
        return True

    def _limits(self, row: Sequence) -> tuple[int, int]:
        """Return the KV cells and the rows that may be held with a row of this kind."""
        cells, rows = self._budget.cells, self._budget.sequences - 1
        if row.group.writing is not None and not self._budget.writers:
            cells = max(cells - self._budget.step_tokens, self._budget.context_tokens)
            rows -= self._budget.sequences // WRITERS_LEAVE
        elif row.group.trie.longest_path:
            rows -= self._budget.sequences // LABELS_LEAVE
        return cells, min(max(rows, 1), self._most_rows)

    def _needs(self, row: Sequence) -> tuple[int, int]:
        """Return the KV cells and the sequences that a row will need besides what is held."""
        prefix = self._prefixes.of(row)
        cells = self._expected.cells(row)
        if prefix is None:
            return cells + len(row.group.prefix), 1 + bool(row.group.prefix)
        if prefix.fresh:  # what is kept for its sponsor is there for this row
            cells -= self._expected.cells(prefix.sponsor)
        return cells, 1

    def _labels_hold_up(self, row: Sequence) -> bool:
        """Tell whether an answer waits only because labels that run have its room."""
        writers = [one for one in self._running if one.group.writing is not None]
        if len(writers) == len(self._running):
            return False
        prefixes = {one.group.prefix for one in writers} | {row.group.prefix}
        held = sum(map(len, prefixes)) + sum(map(self._expected.cells, [*writers, row]))
        most_cells, most_rows = self._limits(row)
        return held <= most_cells and len(writers) < most_rows

    def _room(self) -> Room:
        """Return what is held, or kept, when all that runs has its answer."""
        cells = sum(self._expected.cells(row) for row in self._running)
        for prefix in self._prefixes:
            cells += len(prefix.tokens)
            cells += self._expected.cells(prefix.sponsor) if prefix.fresh else 0
        rows = len(self._running)
        return Room(rows, rows + len(self._prefixes), cells)

    def _begin_anew(self, step: Step) -> None:
        """Let the first row in when what is kept for others leaves nobody any room."""
        left = self._left()
        for prefix in self._prefixes:
            self._evict(step, left, prefix)
        self._admit(step, left)
