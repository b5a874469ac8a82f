"""Differences of two batches, counted as they go by."""

from jobs.differences import LINE_COLUMNS, Difference, Side, Sum
from jobs.job import JobStatus


def side(label: str | None, status: JobStatus = JobStatus.DONE) -> Side:
    """A row of one batch."""
    return Side(1, status, label, None if label is None else {"label": label})


def between(left: Side | None, right: Side | None, *, same_text: bool = True) -> Difference:
    """A row that differs."""
    return Difference("r1", left, right, same_text=same_text)


def test_kinds() -> None:
    """A row is missing on a side, ended in another state, or has another answer."""
    waiting = side(None, JobStatus.REVIEW)
    kinds = [
        between(side("a"), None).kind,
        between(None, side("a")).kind,
        between(side("a"), waiting).kind,
        between(side("a"), side("b")).kind,
    ]
    assert kinds == ["only_left", "only_right", "status", "answer"]


def test_a_sum_watches_without_holding_anything_back() -> None:
    """Lines go through as they are; labels are counted from and to, most frequent first."""
    lines = [
        between(side("a"), side("b")),
        between(side("b"), side("a")),
        between(side("a"), side("b"), same_text=False),
        between(side("a"), None, same_text=False),
        between(side("a"), side(None, JobStatus.FAILED)),
    ]
    counted = Sum()
    assert list(counted.watch(lines)) == lines
    assert counted.kinds == {"answer": 3, "only_left": 1, "status": 1}
    assert (counted.differing, counted.other_text) == (5, 1)
    assert counted.label_changes() == [("a", "b", 2), ("b", "a", 1)]


def test_a_line_has_the_same_columns_whatever_differs() -> None:
    """A side that is not there is empty."""
    line = between(None, side("b")).as_line()
    assert tuple(line) == LINE_COLUMNS
    assert (line["left_row_number"], line["right_label"], line["same_text"]) == (None, "b", None)
    assert between(side("a"), side("b")).as_line()["same_text"] is True
