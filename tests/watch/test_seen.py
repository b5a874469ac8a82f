"""Names that are no finished file's, and paths that can be said."""

import pytest

from workers.watch.seen import is_left_alone, show_path


@pytest.mark.parametrize(
    "name",
    [
        "a.csv.tmp",
        "a.csv.PART",
        "a.partial",
        "a.filepart",
        "a.crdownload",
        "a.download",
        "~$a.xlsx",
        ".a.csv",
        "a.csv~",
        "a.csv.done",
    ],
)
def test_partial_hidden_and_marker_names_are_left_alone(name: str) -> None:
    """Tools write under such names and rename at the end."""
    assert is_left_alone(name)


@pytest.mark.parametrize("name", ["a.csv", "part.csv", "tmp", "done", "夜間.csv", "a b.xlsx"])
def test_ordinary_names_are_not(name: str) -> None:
    """Only beginnings and endings count."""
    assert not is_left_alone(name)


def test_a_path_is_shown_in_one_line() -> None:
    """Control characters and bytes that are no text cannot break a log."""
    assert show_path("a\nb\x1b[1m\udcff.csv") == "a\\nb\\x1b[1m\\udcff.csv"
    assert show_path("夜間/受注\u3000一覧.csv") == "夜間/受注\u3000一覧.csv"
