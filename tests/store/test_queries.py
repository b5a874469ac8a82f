"""The page of ten queries: each runs as it stands on both databases and finds something."""

import re
from pathlib import Path
from typing import Final

import pytest

from jobs.store import Database, typed_views
from tests.store.filled import fill
from tests.store.making import rows_of

FOLDER: Final = Path(__file__).parent.parent.parent / "examples" / "analysts"
PAGES: Final = {
    name: (FOLDER / name).read_text(encoding="utf-8") for name in ("queries.md", "queries.ja.md")
}
BLOCK: Final = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUERIES: Final = [block.strip().removesuffix(";") for block in BLOCK.findall(PAGES["queries.md"])]


def test_there_are_ten_and_both_pages_have_the_same() -> None:
    """English and Japanese differ in words only."""
    assert len(QUERIES) == 10
    assert BLOCK.findall(PAGES["queries.md"]) == BLOCK.findall(PAGES["queries.ja.md"])
    headings = [re.findall(r"^#+ (?:\d+\.)?", page, re.MULTILINE) for page in PAGES.values()]
    assert headings[0] == headings[1]


@pytest.mark.parametrize("number", range(10))
def test_a_query_finds_lines(database: Database, number: int) -> None:
    """On a small filled database each gives at least one line."""
    fill(database)
    typed_views.remake(database)
    assert rows_of(database, QUERIES[number]) != []


def test_what_they_find_is_right(database: Database) -> None:
    """A few of them, looked at closely."""
    first, second, _ = fill(database)
    typed_views.remake(database)
    labels = {line["label"]: line["answers"] for line in rows_of(database, QUERIES[1])}
    assert labels == {"refund": 1, "delivery": 1}
    (store, _other) = rows_of(database, QUERIES[2])
    assert store["store"] == "東京"
    (waits,) = rows_of(database, QUERIES[3])
    assert (waits["batch_id"], waits["reason_code"], waits["waiting"]) == (
        second.batch_id,
        "below_threshold",
        1,
    )
    assert len(rows_of(database, QUERIES[4])) == 7
    (rejects,) = rows_of(database, QUERIES[5])
    assert (rejects["records"], rejects["first_record"]) == (2, 4)
    (day,) = rows_of(database, QUERIES[6])
    assert (day["rows"], day["attempts"], str(day["day"])) == (6, 6, f"{first.created_at:%Y-%m-%d}")
    (month,) = rows_of(database, QUERIES[9])
    assert (month["month"], month["total_currency"], month["invoices"]) == ("2026-02", "USD", 1)
    assert float(month["total"]) == 1045.9
