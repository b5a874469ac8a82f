"""Which files are complete is decided from looks at them alone."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.watch.making import seen
from workers.watch.seen import Kind, Seen
from workers.watch.settling import Decision, Still, decide


def look(files: list[Seen], before: Decision | None, now: float) -> Decision:
    """One look with a settle time of five seconds."""
    still: Mapping[str, Still] = {} if before is None else before.still
    return decide(files, still, lambda _: 5.0, now)


def test_a_file_that_stands_still_is_ready() -> None:
    """It is ready once it was seen unchanged for the settle time, and not before."""
    first = look([seen()], None, 0)
    assert (first.ready, first.waiting, first.next_seconds) == ((), (seen(),), 5.0)
    assert look([seen()], first, 4.9).ready == ()
    assert look([seen()], first, 5.0).ready == (seen(),)


@pytest.mark.parametrize("change", [{"size_bytes": 11}, {"at": 1}, {"inode": 2}])
def test_whatever_changes_begins_anew(change: dict[str, Any]) -> None:
    """Another size, time or file under the name waits for the whole settle time again."""
    first = look([seen()], None, 0)
    second = look([seen(**change)], first, 4)
    assert look([seen(**change)], second, 8.9).ready == ()
    assert look([seen(**change)], second, 9).ready == (seen(**change),)


def test_a_marked_file_is_ready_at_once() -> None:
    """A .done marker beside it says that the file is complete."""
    assert look([seen(marked_done=True)], None, 0).ready == (seen(marked_done=True),)


def test_links_and_specials_are_never_ready() -> None:
    """Not even with a marker; each has the code of why."""
    files = [
        seen("l", kind=Kind.LINK, marked_done=True),
        seen("p", kind=Kind.SPECIAL),
        seen("u", kind=Kind.UNNAMED),
        seen("h", links=2),
    ]
    decision = look(files, look(files, None, 0), 100)
    assert (decision.ready, decision.waiting) == ((), ())
    assert [skip.code for skip in decision.skipped] == [
        "watch_skips_link",
        "watch_skips_special",
        "watch_skips_name",
        "watch_skips_hard_link",
    ]


def test_the_oldest_is_first() -> None:
    """Files are taken in the order in which they came to stand still."""
    first = look([seen("b")], None, 0)
    second = look([seen("a"), seen("b")], first, 1)
    decision = look([seen("a"), seen("b")], second, 10)
    assert [one.path for one in decision.ready] == ["b", "a"]


@given(st.lists(st.tuples(st.floats(0.1, 4), st.integers(0, 2)), min_size=1, max_size=30))
def test_nothing_is_ready_that_changed_within_the_settle_time(
    looks: list[tuple[float, int]],
) -> None:
    """Whatever was written when: a ready file had one mark in all looks of the last 5 s."""
    now, decision = 0.0, None
    history: list[tuple[float, int]] = []
    for passed, size in looks:
        now += passed
        history.append((now, size))
        decision = look([seen(size_bytes=size)], decision, now)
        stood = all(at < now - 5 or then == size for at, then in history)
        long_enough = now - history[0][0] >= 5
        if decision.ready:
            assert stood
            assert long_enough
