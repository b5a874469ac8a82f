"""The views and tables as texts: analysts see the same columns on both databases."""

import pytest

from jobs.tables import metadata
from jobs.views import DIALECT_WORDS, VIEWS, view_sql


@pytest.mark.parametrize("dialect", DIALECT_WORDS)
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_one_statement(name: str, dialect: str) -> None:
    """Every placeholder is filled, and the statement makes the view of that name."""
    statement = view_sql(name, dialect)
    assert statement.startswith(f"CREATE VIEW {name} AS\nSELECT")
    assert "{" not in statement
    assert ";" not in statement


def test_every_table_and_column_has_a_comment() -> None:
    """Nothing in the database is without words."""
    for table in metadata.sorted_tables:
        assert table.comment, table.name
        for column in table.columns:
            assert column.comment, f"{table.name}.{column.name}"


def test_names_are_plural_and_lower_case() -> None:
    """Tables are plural and snake_case, moments end in _at or _until."""
    for table in metadata.sorted_tables:
        assert table.name == table.name.lower()
        assert table.name in ("outbox", "audit_log") or table.name.endswith("s")
        for column in table.columns:
            if "UtcTime" in repr(column.type):
                assert column.name.endswith(("_at", "_until")), column.name
