"""Working ahead: a thread makes the items, in their order, a few before they are asked for."""

import threading
from collections.abc import Generator
from contextlib import closing

import pytest

from jobs.ahead import work_ahead


class Counted:
    """A generator that tells how far it went, and whether it was closed, and by whom."""

    def __init__(self, items: int, error: Exception | None = None) -> None:
        self.items, self.error = items, error
        self.made = 0
        self.closed_by: threading.Thread | None = None

    def run(self) -> Generator[int, None, None]:
        try:
            for item in range(self.items):
                self.made += 1
                yield item
            if self.error is not None:
                raise self.error
        finally:
            self.closed_by = threading.current_thread()


@pytest.mark.parametrize("items", [0, 1, 2, 50])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_every_item_comes_once_in_order(items: int, depth: int) -> None:
    """The items are those of the iterator, and its thread is gone at the end."""
    before = threading.active_count()
    counted = Counted(items)
    assert list(work_ahead(counted.run(), depth)) == list(range(items))
    assert counted.closed_by is not threading.current_thread()
    assert threading.active_count() == before


def test_it_is_never_far_ahead() -> None:
    """No more than `depth` items wait, however slow the one who asks is."""
    counted = Counted(20)
    with closing(work_ahead(counted.run(), 2)) as items:
        for taken, _ in enumerate(items, 1):
            assert counted.made <= taken + 2


def test_an_error_comes_after_the_items_before_it() -> None:
    """What the iterator raises is raised where the next item was asked for."""
    items = work_ahead(Counted(2, KeyError("lost")).run())
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(KeyError, match="lost"):
        next(items)


def test_giving_up_ends_the_thread_and_closes_the_iterator() -> None:
    """Whoever stops asking leaves nothing open and nobody at work."""
    before = threading.active_count()
    counted = Counted(1_000)
    with closing(work_ahead(counted.run())) as items:
        next(items)
    assert counted.closed_by is not None
    assert counted.made < 1_000
    assert threading.active_count() == before
