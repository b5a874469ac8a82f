"""Decides which files are complete: those that stood still long enough, or are marked done.

Only what this process saw itself counts: the clock of a network folder may be another one, and
copying tools set old times while they still write.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from workers.watch.seen import Kind, Mark, Seen

SKIPS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.LINK: "watch_skips_link",
        Kind.SPECIAL: "watch_skips_special",
        Kind.UNNAMED: "watch_skips_name",
    }
)
HARD_LINK: Final = "watch_skips_hard_link"


@dataclass(frozen=True, slots=True)
class Still:
    """Since when (seconds of our clock) a file has stood as `mark` says."""

    mark: Mark
    since: float


@dataclass(frozen=True, slots=True)
class Skip:
    """An entry that is never taken, and the code of why."""

    seen: Seen
    code: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What one look at the folder means.

    `still` is to be handed to the next decision; `next_seconds` is how soon another file will
    have stood still, None if none will.
    """

    still: Mapping[str, Still]
    ready: tuple[Seen, ...] = ()
    waiting: tuple[Seen, ...] = ()
    skipped: tuple[Skip, ...] = ()
    next_seconds: float | None = None


def decide(
    files: Iterable[Seen],
    still: Mapping[str, Still],
    settle_seconds: Callable[[str], float],
    now: float,
) -> Decision:
    """Part the files seen at `now` into ready, waiting and skipped; ready ones oldest first.

    `settle_seconds` says for a path how long its file must stand still.
    """
    after: dict[str, Still] = {}
    ready: list[Seen] = []
    waiting: list[Seen] = []
    skipped: list[Skip] = []
    remaining: list[float] = []
    for seen in files:
        code = _why_never(seen)
        if code is not None:
            skipped.append(Skip(seen, code))
            continue
        before = still.get(seen.path)
        same = before is not None and before.mark == seen.mark
        after[seen.path] = before if before is not None and same else Still(seen.mark, now)
        left = after[seen.path].since + settle_seconds(seen.path) - now
        if seen.marked_done or left <= 0:
            ready.append(seen)
        else:
            waiting.append(seen)
            remaining.append(left)
    ready.sort(key=lambda seen: (after[seen.path].since, seen.path))
    soonest = min(remaining, default=None)
    return Decision(after, tuple(ready), tuple(waiting), tuple(skipped), soonest)


def _why_never(seen: Seen) -> str | None:
    """Return the code of why an entry is not taken; a second name could change it unseen."""
    if seen.kind is not Kind.FILE:
        return SKIPS[seen.kind]
    return HARD_LINK if seen.links > 1 else None
