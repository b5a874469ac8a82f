"""Looking for cycles rarely: while a block is open, and as usual afterwards."""

import gc

from jobs.collecting import RARELY, collect_rarely


def test_thresholds_come_back() -> None:
    """Inside, a look is rare and what was there is left alone; afterwards all is as before."""
    usual, frozen = gc.get_threshold(), gc.get_freeze_count()
    with collect_rarely():
        assert gc.get_threshold() == (RARELY, *usual[1:])
        assert gc.get_freeze_count() > frozen
    assert (gc.get_threshold(), gc.get_freeze_count()) == (usual, frozen)


def test_blocks_may_overlap() -> None:
    """Two loads at once end in any order; the last one out puts things back."""
    usual = gc.get_threshold()
    first, second = collect_rarely(), collect_rarely()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] == RARELY
    second.__exit__(None, None, None)
    assert gc.get_threshold() == usual
