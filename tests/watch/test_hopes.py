"""`--once` is for the files of the first look, as they were then."""

from workers.watch.hopes import Hopes
from workers.watch.seen import Mark

ONE, OTHER = Mark(1, 1, 1, 1), Mark(1, 1, 2, 1)


def test_they_are_over_when_every_file_was_taken() -> None:
    """Not before the first look; files that come later do not count."""
    hopes = Hopes()
    assert not hopes.are_over
    assert hopes.look({"a": ONE, "b": ONE}) == []
    hopes.drop("a")
    assert hopes.look({"b": ONE, "late": ONE}) == []
    assert (hopes.has("b", ONE), hopes.has("late", ONE), hopes.are_over) == (True, False, False)
    hopes.drop("b")
    assert hopes.are_over


def test_a_file_that_changes_is_given_up() -> None:
    """It is told; one that is gone needs no word."""
    hopes = Hopes()
    hopes.look({"a": ONE, "b": ONE})
    assert hopes.look({"a": OTHER}) == ["a"]
    assert hopes.are_over


def test_nothing_there_is_over_at_once() -> None:
    """An empty folder is worked off."""
    hopes = Hopes()
    hopes.look({})
    assert hopes.are_over
