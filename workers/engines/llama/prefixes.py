"""The prefixes that a context holds: read once each, and given up when longest not used."""

from collections.abc import Collection, Iterable, Iterator

from workers.engines.llama.labels import Tokens
from workers.engines.llama.sequence import NOWHERE, Prefix, Sequence


class Prefixes:
    """Prefixes by their tokens, half read ones too."""

    def __init__(self) -> None:
        self._held: dict[Tokens, Prefix] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Prefix]:
        return iter(tuple(self._held.values()))

    @property
    def cells(self) -> int:
        """KV cells that hold their tokens now."""
        return sum(prefix.read for prefix in self._held.values())

    @property
    def places(self) -> int:
        """Sequences of the context that they have now."""
        return sum(prefix.place != NOWHERE for prefix in self._held.values())

    def of(self, row: Sequence) -> Prefix | None:
        """Return the prefix that a row shares, None if it has none or it is not there."""
        return self._held.get(row.group.prefix)

    def begin(self, row: Sequence, step: int) -> Prefix:
        """Keep a new prefix for the row that needs it first."""
        prefix = Prefix(row.group.prefix, row, used=step)
        self._held[prefix.tokens] = prefix
        return prefix

    def drop(self, prefix: Prefix) -> None:
        """Forget a prefix."""
        self._held.pop(prefix.tokens, None)

    def clear(self) -> None:
        """Forget all of them."""
        self._held.clear()

    def find_idle(
        self, running: Iterable[Sequence], *, besides: Tokens, fresh: bool, busy: Collection[int]
    ) -> Prefix | None:
        """Return the prefix whose last use is longest ago among those that no row holds.

        A `fresh` one, which is kept for its sponsor, only counts where that is asked for.
        """
        groups = {id(row.group): row.group for row in running}
        held = {group.prefix for group in groups.values()}
        found = [
            prefix
            for prefix in self._held.values()
            if (fresh or not prefix.fresh)
            and prefix.tokens not in held
            and prefix.tokens != besides
            and id(prefix) not in busy
        ]
        return min(found, key=lambda prefix: prefix.used, default=None)

    def replace_sponsors(self, gone: Collection[int], waiting: Iterable[Sequence]) -> None:
        """Find other rows that wait for what was kept for tickets (their ids) that are gone.

        Without one a prefix is idle.
        """
        rows = tuple(waiting)
        for prefix in self._held.values():
            if id(prefix.sponsor.ticket) not in gone:
                continue
            sponsor = next((row for row in rows if row.group.prefix == prefix.tokens), None)
            if sponsor is None:
                prefix.fresh = False
            else:
                prefix.sponsor = sponsor
