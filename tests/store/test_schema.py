"""The schema: migrations give exactly the tables of `jobs.tables`, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Column, Connection, MetaData, Table, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError

import migrations
from jobs.errors import SettingError
from jobs.store import Database, open_database, results, schema
from jobs.tables import batches, metadata
from jobs.views import VIEWS
from tests.conftest import opened
from tests.store.making import assert_sound, drive, make_batch, rows_of

FCT_RESULTS = [
    "batch_id",
    "row_number",
    "source_id",
    "spec_name",
    "spec_hash",
    "file_name",
    "task",
    "status",
    "output",
    "label",
    "suggested_output",
    "fields",
    "confidence",
    "confidence_source",
    "tier",
    "model",
    "verdict",
    "reason_code",
    "reason",
    "cost_usd",
    "attributes",
    "tags",
    "created_at",
    "updated_at",
    "finished_at",
]


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A database without tables."""
    with opened(empty_url) as database:
        yield database


def alembic_config(connection: Connection) -> Config:
    """What alembic needs to know, as from the shell."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    return config


def downgrade(connection: Connection) -> None:
    """Take every migration back."""
    schema.drop_views(connection)
    command.downgrade(alembic_config(connection), "base")


def copy_rows(source: Database, target: Connection, table: Table, columns: set[str]) -> None:
    """Copy a table's rows, as far as the target has their columns."""
    with source.read() as connection:
        rows = [dict(row._mapping) for row in connection.execute(select(table))]
    for row in rows:
        # a plain INSERT: the table as it is known today has columns that are not there yet
        kept = {name: value for name, value in row.items() if name in columns}
        lean = Table(table.name, MetaData(), *(Column(n, table.c[n].type) for n in kept))
        target.execute(insert(lean).values(**kept))


def test_head_equals_metadata(empty: Database) -> None:
    """An empty database that was upgraded differs in nothing from the metadata."""
    schema.upgrade(empty)
    assert schema.find_differences(empty) == []
    assert schema.describe(empty) == schema.head_revision()
    schema.require_current(empty)


def test_differences_are_found(database: Database) -> None:
    """A table that is not ours shows up as a difference."""
    with database.write() as connection:
        connection.execute(text("CREATE TABLE foreign_to_us (id INTEGER)"))
    assert schema.find_differences(database) != []


def test_upgrade_twice_changes_nothing(database: Database) -> None:
    """Upgrading a current database keeps its rows and its schema."""
    make_batch(database, [2])
    schema.upgrade(database)
    assert schema.find_differences(database) == []
    assert len(rows_of(database, "SELECT * FROM jobs")) == 2


def test_down_and_up_again(empty: Database) -> None:
    """The migrations can be taken back to nothing and run again."""
    schema.upgrade(empty)
    with empty.write() as connection:
        downgrade(connection)
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    assert schema.describe(empty) is None
    schema.upgrade(empty)
    assert schema.find_differences(empty) == []


def test_a_database_of_the_first_version_is_brought_up(empty: Database, sqlite: Database) -> None:
    """Rows written before the cloud was there keep all they had, and may not leave."""
    batch = make_batch(sqlite, [2], rejected=1)
    drive(sqlite)
    with empty.write() as connection:
        command.upgrade(alembic_config(connection), "0001")
        known = inspect(connection)
        for table in metadata.sorted_tables:
            if table.name in known.get_table_names():
                columns = {column["name"] for column in known.get_columns(table.name)}
                copy_rows(sqlite, connection, table, columns)
    schema.upgrade(empty)
    assert schema.find_differences(empty) == []
    assert_sound(empty)
    before, after = (
        [
            {**line, "cost_usd": float(line["cost_usd"])}
            for line in results.stream_results(database, batch.batch_id)
        ]
        for database in (sqlite, empty)
    )
    assert after == before
    with empty.read() as connection:
        row = connection.execute(select(batches)).one()
        days = rows_of(empty, "SELECT reporting_day, created_at FROM jobs")
    assert (row.budget_nano_usd, row.cloud_nano_usd) == (0, 0)
    assert [str(day["reporting_day"]) for day in days] == [
        str(day["created_at"])[:10] for day in days
    ]


def test_views_exist_with_the_columns_of_the_contract(database: Database) -> None:
    """Every view answers, and fct_results has exactly the columns that are promised."""
    with database.read() as connection:
        assert set(inspect(connection).get_view_names()) == set(VIEWS)
        for name in VIEWS:
            columns = list(connection.execute(text(f"SELECT * FROM {name}")).keys())  # noqa: S608 - ours
            if name in ("fct_results", "fct_results_latest"):
                assert columns == FCT_RESULTS


def test_missing_views_are_made_again(database: Database) -> None:
    """A current database that lost a view is not current, and an upgrade makes it again."""
    with database.write() as connection:
        connection.execute(text("DROP VIEW fct_rejects"))
    with pytest.raises(SettingError, match="database_not_upgraded"):
        schema.require_current(database)
    schema.upgrade(database)
    schema.require_current(database)


def test_a_newer_revision_is_refused(database: Database) -> None:
    """A database of a later version is left alone, by upgrade and by check."""
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refuse in (schema.upgrade, schema.require_current):
        with pytest.raises(SettingError) as caught:
            refuse(database)
        assert caught.value.code == "database_newer"
        assert caught.value.params["revision"] == "9999"
    assert schema.describe(database) == "9999"


def test_a_database_without_tables_is_named(empty: Database) -> None:
    """Asking a database that was never upgraded says so instead of failing in SQL."""
    with pytest.raises(SettingError, match="database_not_upgraded"):
        schema.require_current(empty)
    with pytest.raises(SettingError, match="database_not_upgraded"):
        rows_of(empty, "SELECT * FROM batches")


def test_states_are_checked_by_the_database(database: Database) -> None:
    """A state that is none of ours cannot be written."""
    make_batch(database, [1])
    for table in ("batches", "chunks", "jobs"):
        with pytest.raises(IntegrityError), database.write() as connection:
            connection.execute(text(f"UPDATE {table} SET status = 'nonsense'"))  # noqa: S608 - ours


def test_check_constraints_are_those_of_the_metadata(database: Database) -> None:
    """The migrations carry every check constraint, which alembic does not compare."""
    with database.read() as connection:
        for table in metadata.sorted_tables:
            found = inspect(connection).get_check_constraints(table.name)
            named = {str(one.name) for one in table.constraints if str(one.name).startswith("ck_")}
            assert {one["name"] for one in found} == named, table.name


def test_a_job_needs_its_batch(database: Database) -> None:
    """Foreign keys hold on both databases."""
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(
            text("INSERT INTO tiers (batch_id, tier, model_name) VALUES ('none', 0, 'm')")
        )


def test_an_identity_has_one_batch_for_each_generation(database: Database) -> None:
    """The database itself refuses a second batch of the same identity and generation."""
    make_batch(database, [1])
    with database.read() as connection:
        row = connection.execute(select(batches)).one()._mapping
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(batches).values(**{**row, "batch_id": "b2"}))


@pytest.mark.integration
def test_postgres_carries_the_comments(postgres_url: str) -> None:
    """An analyst sees a comment on every table and column in PostgreSQL's catalogue."""
    database = open_database(postgres_url)
    schema.upgrade(database)
    with database.read() as connection:
        look = inspect(connection)
        for table in metadata.sorted_tables:
            assert look.get_table_comment(table.name)["text"], table.name
            assert all(column["comment"] for column in look.get_columns(table.name)), table.name
    database.close()
