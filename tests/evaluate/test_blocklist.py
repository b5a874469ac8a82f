"""Harmful words: found however they are written, not inside others."""

import pytest

from jobs.evaluate.blocklist import count_blocked, read_blocklist


@pytest.mark.parametrize(
    ("word", "answer", "times"),
    [
        ("ass", "Ass, ＡＳＳ and class", 2),
        ("ass", "first_class assassin", 0),
        ("クソ", "このクソ野郎、ｸｿ", 2),
        ("shit", "これはshitです", 1),
        ("go to hell", "GO  TO\nhell!", 1),
        ("c++", "C++ and c++x", 2),
        ("été", "l'été, étés", 1),
    ],
)
def test_words_are_found(word: str, answer: str, times: int) -> None:
    """After NFKC and case folding; Latin words stand alone, Japanese ones anywhere."""
    found = count_blocked([answer], read_blocklist(word))
    assert sum(times for _, times in found.counts) == times
    assert found.rows == bool(times)


def test_a_list_is_read() -> None:
    """Comments, blank lines and the same word again are left out."""
    assert read_blocklist("# bad\n\nOne\none\n ２ \n") == ("one", "2")


def test_counts_are_ordered_and_rows_counted_once() -> None:
    """Most frequent first."""
    found = count_blocked(["a b b", "b", "c"], ("a", "b"))
    assert (found.words, found.rows, found.counts) == (2, 2, (("b", 3), ("a", 1)))
