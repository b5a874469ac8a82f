"""JSON Lines: a line is one object, with the values as they stand in SQL."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.export import Column, Style
from tests.export.writing import tricky, write

JSONL = Style("jsonl")
TIME = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)


@settings(deadline=None)
@given(st.lists(tricky, min_size=1), tricky)
def test_texts_come_back(cells: list[str], name: str) -> None:
    """Any text and any name is read back by json, one line for each record."""
    content, _ = write((Column(name, "text"),), [[cells]], JSONL)
    lines = content.decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == [{name: cell} for cell in cells]


def test_values_keep_their_types() -> None:
    """Formulas are not escaped, JSON is JSON, amounts keep their digits, nothing is null."""
    columns = (
        Column("e", "integer"),
        Column("a%", "text"),
        Column("b", "json"),
        Column("c", "time"),
        Column("d", "usd"),
        Column("f", "amount"),
        Column("g", "boolean"),
        Column("h", "number"),
    )
    cells: list[list[Any]] = [[1, None], ["=返金\n", None], ['{"x": null}', None], [TIME, None],
             [7e-9, None], ["1200.50", None], [True, None], [0.5, None]]  # fmt: skip
    content, _ = write(columns, [cells], JSONL)
    first, second = content.decode().splitlines()
    assert "返金" in first
    assert json.loads(first) == {
        "e": 1,
        "a%": "=返金\n",
        "b": {"x": None},
        "c": "2026-02-03T04:05:00+00:00",
        "d": 7e-9,
        "f": "1200.50",
        "g": True,
        "h": 0.5,
    }
    assert set(json.loads(second).values()) == {None}
