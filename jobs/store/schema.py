"""Brings a database to the current schema, and says whether it is there."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from jobs.dictionary import read_dictionary
from jobs.errors import IntegrityError, SettingError
from jobs.store import typed_views
from jobs.store.database import Database
from jobs.tables import metadata
from jobs.typed_views import literal
from jobs.views import VIEWS, view_sql


def upgrade(database: Database) -> None:
    """Run the missing migrations and recreate the views, all in one transaction.

    Typed views stand on ours: they go first and come again. Raises SettingError, having changed
    nothing, where somebody else's view stands on one (PostgreSQL would not let ours go).
    """
    with database.write() as connection:
        if is_current(connection):
            return
        _refuse_newer(connection, database.shown)
        had_typed = bool(typed_views.drop_views(connection))
        typed_views.refuse_if_needed(connection, list(VIEWS))
        drop_views(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        for name in VIEWS:
            connection.execute(text(view_sql(name, database.dialect)))
        if database.dialect == "postgresql":
            _comment_views(connection)
        if had_typed:
            typed_views.make_views(connection)


def _comment_views(connection: Connection) -> None:
    """Let PostgreSQL's catalogue say what each view and column means."""
    for view in read_dictionary().values():
        comments = [f"COMMENT ON VIEW {view.name} IS {literal(view.words['en'])}"]
        comments += [
            f"COMMENT ON COLUMN {view.name}.{column.name} IS {literal(column.words['en'])}"
            for column in view.columns
        ]
        for comment in comments:
            connection.exec_driver_sql(comment, execution_options={"no_parameters": True})


def drop_views(connection: Connection) -> None:
    """Drop our views, those that need others first."""
    for name in reversed(tuple(VIEWS)):
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))


def current_revision(connection: Connection) -> str | None:
    """Return the revision a database stands at, None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def head_revision() -> str | None:
    """Return the newest revision this program knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def is_current(connection: Connection) -> bool:
    """Say whether a database stands at the newest revision and has its views."""
    if current_revision(connection) != head_revision():
        return False
    return set(VIEWS) <= set(inspect(connection).get_view_names())


def require_current(database: Database) -> None:
    """Raise SettingError unless a database stands at the newest revision."""
    with database.read() as connection:
        _refuse_newer(connection, database.shown)
        if not is_current(connection):
            raise SettingError("database_not_upgraded", database=database.shown)


def describe(database: Database) -> str | None:
    """Return the revision a database stands at, None for an empty one."""
    with database.read() as connection:
        return current_revision(connection)


def find_differences(database: Database) -> list[Any]:
    """Return what differs between a database's tables and `jobs.tables`; empty if nothing."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))


def _refuse_newer(connection: Connection, shown: str) -> None:
    current = current_revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if current is not None and current not in known:
        raise SettingError("database_newer", database=shown, revision=current)


def _config() -> Config:
    # Found, not imported: migrations stand above jobs and import its tables.
    found = find_spec("migrations")
    if found is None or found.origin is None:
        raise IntegrityError("migrations_missing")
    config = Config()
    config.set_main_option("script_location", str(Path(found.origin).parent))
    return config
