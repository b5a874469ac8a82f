"""How the databases go about what is asked often: never by all of `jobs` or `attempts`.

With ten million rows a walk over a table takes minutes, a search by an index milliseconds. What
is looked at is the plan, so that no large database is needed.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any, Final

import pytest
from sqlalchemy import Connection, event, text

from jobs.store import Database, batches, comparison, results, typed_views
from jobs.views import VIEWS
from tests.store.filled import fill
from tests.store.test_queries import QUERIES

SMALL: Final = frozenset({"models", "m", "t", "newest", "l", "w", "k", "CONSTANT", *VIEWS})
"""What may be walked through: small tables, and what a query made itself."""
BATCHES: Final = frozenset({"batches", "b", "s"})
"""Walking through the batches is harmless by itself; joined with rows it is a walk through all."""
LARGE: Final = frozenset({"jobs", "attempts", "results", "cloud_requests", "rejects"})
WAYS: Final = ("seqscan", "hashjoin", "mergejoin")
"""What PostgreSQL does with few rows; without these it shows whether there are other ways."""
COMMANDS: Final = {
    "results": "SELECT * FROM fct_results WHERE batch_id = :batch_id ORDER BY row_number",
    "row": "SELECT * FROM fct_results WHERE batch_id = :batch_id AND row_number = 2",
    "row by id": "SELECT * FROM fct_results WHERE batch_id = :batch_id AND source_id = 'r2'",
    "attempts of a row": (
        "SELECT * FROM fct_attempts WHERE batch_id = :batch_id AND row_number = 2"
        " ORDER BY attempt_id"
    ),
    "one batch": "SELECT * FROM dim_batches WHERE batch_id = :batch_id",
    "latest of a row": (
        "SELECT * FROM fct_results_latest WHERE spec_name = 'tickets' AND source_id = 'r1'"
    ),
    "watermark": "SELECT * FROM fct_results WHERE updated_at >= '2026-01-01' ORDER BY updated_at",
    "watermark of a typed view": "SELECT * FROM ext_invoices WHERE updated_at >= '2026-01-01'",
}


@pytest.fixture
def filled(database: Database) -> Database:
    """Something of everything, with typed views."""
    fill(database)
    typed_views.remake(database)
    return database


def walks(
    connection: Connection, query: str, parameters: Any = (), *, harmless: Collection[str] = ()
) -> list[str]:
    """Return the steps of a plan that go through the whole of a table."""
    if connection.dialect.name == "sqlite":
        found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", parameters)
        return [step.detail for step in found if _is_walk(step.detail, harmless)]
    explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {query}", parameters)
    plan = explained.scalar_one()
    steps = json.loads(plan) if isinstance(plan, str) else plan
    large = LARGE if "b" in harmless else LARGE | BATCHES
    return list(_walks_of_postgres(steps[0]["Plan"], large))


def _is_walk(step: str, harmless: Collection[str]) -> bool:
    walked = re.match(r"SCAN (\S+)", step)
    if walked is None or walked[1].startswith("("):
        return False
    return walked[1] not in SMALL and walked[1] not in harmless


def _walks_of_postgres(step: dict[str, Any], large: Collection[str]) -> Iterator[str]:
    searched = any(name in step for name in ("Index Cond", "Recheck Cond", "TID Cond"))
    if step.get("Relation Name") in large and not searched:
        yield f"{step['Node Type']} {step['Relation Name']}"
    for inner in step.get("Plans", ()):
        yield from _walks_of_postgres(inner, large)


def avoid_small_ways(connection: Connection, *more: str) -> None:
    """Let PostgreSQL plan as it would with many rows."""
    if connection.dialect.name == "postgresql":
        for way in (*WAYS, *more):
            connection.execute(text(f"SET LOCAL enable_{way} = off"))


@pytest.mark.parametrize("number", range(10))
def test_the_ten_queries_walk_through_nothing_large(filled: Database, number: int) -> None:
    """Each goes by the batches of its spec, by the watermark, or by single batches."""
    query = QUERIES[number]
    by_spec = "spec_name = 'tickets'" in query and "dim_batches" not in query
    with filled.read() as connection:
        avoid_small_ways(connection)
        assert walks(connection, query, harmless=() if by_spec else BATCHES) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_questions_of_the_commands_walk_through_nothing_large(filled: Database, name: str) -> None:
    """Results, one row, its attempts, reasons, the watermark: each by an index."""
    query = COMMANDS[name].replace(":batch_id", "'b1'")
    with filled.read() as connection:
        avoid_small_ways(connection)
        assert walks(connection, query, harmless=BATCHES) == []


def test_statements_of_the_store_walk_through_nothing_large(filled: Database) -> None:
    """What `status`, `results`, `row` and `diff` ask is looked at as it is sent."""
    sent: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT") and "FROM" in statement:
            sent.append((statement, parameters))

    one, other, _ = batches.list_recent(filled)
    event.listen(filled.engine, "before_cursor_execute", hear)
    results.tally(filled, one.batch_id)
    results.spent(filled, one.batch_id)
    results.count_reasons(filled, one.batch_id)
    results.count_sent(filled, one.batch_id)
    results.review_reasons(filled, one.batch_id)
    results.row_life(filled, one.batch_id, row_number=1)
    assert list(results.stream_results(filled, one.batch_id)) != []
    comparison.count_jobs(filled, one.batch_id)
    assert list(comparison.stream_differences(filled, one.batch_id, other.batch_id)) != []
    event.remove(filled.engine, "before_cursor_execute", hear)
    assert len(sent) >= 12
    with filled.read() as connection:
        avoid_small_ways(connection)
        for statement, parameters in sent:
            assert walks(connection, statement, parameters, harmless=BATCHES) == [], statement


def test_results_of_a_batch_are_not_sorted(filled: Database) -> None:
    """The export's query reads the rows in the order of the file from the index itself."""
    query = COMMANDS["results"].replace(":batch_id", "'b1'")
    with filled.read() as connection:
        avoid_small_ways(connection, "sort", "bitmapscan")
        if filled.dialect == "sqlite":
            found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")
            plan = [step.detail for step in found if step.parent == 0]
            assert plan[1] == "SEARCH j USING INDEX sqlite_autoindex_jobs_1 (batch_id=?)"
            assert not any("ORDER BY" in step for step in plan)
            return
        plan = list(connection.exec_driver_sql(f"EXPLAIN {query}").scalars())
    assert "Sort" not in plan[0]
    assert any("uq_jobs_batch_id_row_number" in step for step in plan)


def test_a_tally_comes_from_the_index_alone(sqlite: Database) -> None:
    """Counts and cost by state need no row of a batch to be read."""
    query = (
        "EXPLAIN QUERY PLAN SELECT status, count(*), sum(cost_nano_usd) FROM jobs"
        " WHERE batch_id = 'b' GROUP BY status"
    )
    with sqlite.read() as connection:
        plan = " ".join(step.detail for step in connection.exec_driver_sql(query))
    assert "COVERING INDEX ix_jobs_batch_id_status_cost_nano_usd" in plan
