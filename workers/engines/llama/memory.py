"""The context's sequences: carries out a step, and splits its device time over the rows."""

from bisect import insort
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass, field

from workers.engines.llama.choice import Choice
from workers.engines.llama.logits import Scores, summarise
from workers.engines.llama.model import Model, NoSlotError, Piece
from workers.engines.llama.sequence import NOWHERE, Prefix, Sequence
from workers.engines.llama.step import Opening, Part, Step

Count = Callable[[int, int, float], None]


@dataclass(slots=True)
class Draft:
    """The pieces of a decode, who pays for how many of their tokens, and the paths they took."""

    pieces: list[Piece] = field(default_factory=list)
    payers: list[tuple[Sequence | Prefix, int]] = field(default_factory=list)
    branches: list[tuple[Choice, int]] = field(default_factory=list)
    paths: list[int] = field(default_factory=list)


class Memory:
    """Reads and forgets tokens for rows and prefixes."""

    def __init__(
        self, model: Model, sequences: int, clock: Callable[[], float], count: Count
    ) -> None:
        """`count` is told the tokens read, the tokens shared and the seconds of every decode."""
        self._model = model
        self._clock = clock
        self._count = count
        self._free = list(range(sequences))
        self._holders: dict[int, Sequence | Prefix] = {}

    def release(self, holders: Iterable[Sequence | Prefix]) -> None:
        """Take back what rows and prefixes hold; what others share of it stays.

        What nobody has paid of a prefix yet is its sponsor's.
        """
        for holder in holders:
            if isinstance(holder, Prefix):
                holder.sponsor.device_ms += holder.owed_ms
                holder.owed_ms = 0.0
            if holder.place != NOWHERE:
                del self._holders[holder.place]
                self._give(holder.place)
            holder.restart()

    def clear(self) -> None:
        """Empty everything after a failure: nothing in it can be trusted."""
        self._model.clear()
        for holder in self._holders.values():
            holder.restart()
        self._free = sorted([*self._free, *self._holders])
        self._holders.clear()

    def read(self, step: Step, prefixes: Callable[[Sequence], Prefix | None]) -> None:
        """Decode a step and let its rows take what it found.

        Raises `NoSlotError` with the memory as it was, but for rows that have begun, and
        `DecodeError` with a memory that must be cleared.
        """
        draft = Draft()
        shared = self._begin(step.parts, prefixes)
        # Written rows first: their logits are looked at in one stretch.
        parts = sorted(step.parts, key=lambda part: isinstance(part.owner, Choice))
        for part in parts:
            owner = part.owner
            tokens = owner.next_tokens(part.count)
            at = self._model.length(owner.place)
            draft.pieces.append(Piece(tokens, at, (owner.place,), part.outputs))
            draft.payers.append((owner, part.count))
        try:
            for opening in step.openings:
                self._open(draft, opening)
            scores = self._decode(draft, parts, shared)
        finally:
            for place in draft.paths:
                self._give(place)
        for part in parts:
            part.owner.read += part.count
        self._hand_out(draft, parts, scores)

    def _begin(self, parts: Many[Part], prefixes: Callable[[Sequence], Prefix | None]) -> int:
        """Give a place to who has none; rows share their prefix and pay what it owes."""
        shared = 0
        debts: dict[int, tuple[Prefix, list[Sequence]]] = {}
        for owner in [part.owner for part in parts if part.owner.place == NOWHERE]:
            owner.place = self._take(last=isinstance(owner, Prefix))
            self._holders[owner.place] = owner
            prefix = prefixes(owner) if isinstance(owner, Sequence) else None
            if prefix is not None and isinstance(owner, Sequence):
                self._model.copy(prefix.place, owner.place)
                shared += len(prefix.tokens)
                debts.setdefault(id(prefix), (prefix, []))[1].append(owner)
        for prefix, rows in debts.values():
            for row in rows:
                row.device_ms += prefix.owed_ms / len(rows)
            prefix.owed_ms = 0.0
        return shared

    def _open(self, draft: Draft, opening: Opening) -> None:
        """Add the branches of one row, each on a path that shares the row's memory."""
        row = opening.row
        if not isinstance(row, Choice):
            raise TypeError(row)
        end = self._model.length(row.place)
        plan = row.group.trie.open(opening.branches, merge=self._model.size.unified)
        paths: list[int] = []
        for _ in range(plan.count):
            paths.append(self._take())
            draft.paths.append(paths[-1])
            self._model.copy(row.place, paths[-1])
        for node in plan.nodes:
            users = tuple(paths[path] for path in node.paths)
            outputs = int(node.branch is not None)
            draft.pieces.append(Piece((node.token,), end + node.depth, users, outputs))
            if node.branch is not None:
                draft.branches.append((row, node.branch))
        draft.payers.append((row, len(plan.nodes)))
        row.output_tokens += len(plan.nodes)

    def _decode(self, draft: Draft, parts: Many[Part], shared: int) -> Scores:
        """Decode, split the device time by tokens, and look at what written rows wanted."""
        started = self._clock()
        logits = self._model.decode(draft.pieces)
        seconds = self._clock() - started
        whole = sum(share for _, share in draft.payers)
        for owner, share in draft.payers:
            if isinstance(owner, Prefix):
                owner.owed_ms += 1000 * seconds * share / whole
            else:
                owner.device_ms += 1000 * seconds * share / whole
        self._count(whole, shared, seconds)
        written = sum(part.outputs for part in parts if not isinstance(part.owner, Choice))
        return summarise(logits, written)

    def _hand_out(self, draft: Draft, parts: Many[Part], scores: Scores) -> None:
        at = 0
        for part in parts:
            if isinstance(part.owner, Sequence):
                part.owner.take(scores.part(at, at + part.outputs))
            at += part.outputs
        for row, branch in draft.branches:
            row.see(branch, scores.part(at, at + 1))
            at += 1

    def _take(self, *, last: bool = False) -> int:
        """Return the lowest free sequence, or the highest.

        Rows have the low ones: split memory reads neighbours in one go, and a hole costs another.
        """
        if not self._free:
            raise NoSlotError
        return self._free.pop(-1 if last else 0)

    def _give(self, place: int) -> None:
        self._model.forget(place)
        insort(self._free, place)
