"""What failed is tried again, less and less often."""

from workers.watch.retries import Retries, pause_after


def test_pauses_grow_to_a_minute() -> None:
    """And no further."""
    pauses = [pause_after(failures) for failures in range(1, 20)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (1.0, 60.0)


def test_each_file_has_its_own_pause() -> None:
    """A failure of one holds up no other; forgotten failures do not count."""
    now = [0.0]
    retries = Retries(lambda: now[0])
    assert [retries.fail("a"), retries.fail("a")] == [1, 2]
    assert (retries.may("a"), retries.may("b")) == (False, True)
    now[0] = 2.0
    assert retries.may("a")
    retries.forget("a")
    assert retries.fail("a") == 1
