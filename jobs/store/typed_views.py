"""Typed views in the database: found by their mark, made, left as they are, dropped.

A view without the mark of `jobs.typed_views` is somebody else's and is never touched.
"""

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, bindparam, select, text

from jobs.errors import SettingError
from jobs.store.database import Database
from jobs.tables import batches
from jobs.typed_views import (
    MARKED,
    ExtractSpec,
    TypedField,
    TypedView,
    comments_sql,
    create_sql,
    plan_views,
    quote,
)

MARKS: Final = {
    "sqlite": "SELECT name, sql AS words FROM sqlite_master WHERE type = 'view'",
    "postgresql": (
        "SELECT c.relname AS name, obj_description(c.oid, 'pg_class') AS words FROM pg_class c"
        " WHERE c.relkind = 'v' AND c.relnamespace = current_schema()::text::regnamespace"
    ),
}
"""Name of each view, and the words that may hold our mark."""

NAMES: Final = {
    "sqlite": "SELECT name FROM sqlite_master",
    "postgresql": (
        "SELECT c.relname AS name FROM pg_class c"
        " WHERE c.relnamespace = current_schema()::text::regnamespace"
    ),
}
"""Everything a view cannot be called."""

DEPENDENTS: Final = text(
    "SELECT DISTINCT n.nspname || '.' || v.relname AS shown, v.relname AS name"
    " FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid"
    " JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace n ON n.oid = v.relnamespace"
    " JOIN pg_class s ON s.oid = d.refobjid"
    " WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass"
    " AND s.relnamespace = current_schema()::text::regnamespace AND s.relname IN :names"
    " ORDER BY shown"
).bindparams(bindparam("names", expanding=True))


def remake(database: Database) -> list[TypedView]:
    """Make the typed view of every extract spec, drop those whose spec is gone; return them.

    A view that already says what it should is left as it is. Raises SettingError, having changed
    nothing, where somebody else's table or view has the name, or depends on a view that must
    change.
    """
    with database.write() as connection:
        return make_views(connection)


def drop(database: Database) -> list[str]:
    """Drop every typed view; return their names. Raises SettingError if others need one."""
    with database.write() as connection:
        return drop_views(connection)


def make_views(connection: Connection) -> list[TypedView]:
    """The same inside a transaction."""
    dialect = connection.dialect.name
    views = plan_views(_read_specs(connection))
    marks = find_marks(connection)
    statements = {view.name: create_sql(view, dialect) for view in views}
    good = {name for name, words in statements.items() if marks.get(name) == _mark_of(words)}
    _drop(connection, set(marks) - good)
    for view in views:
        if view.name not in good:
            _create(connection, view, statements[view.name])
    return views


def drop_views(connection: Connection) -> list[str]:
    """The same inside a transaction."""
    names = sorted(find_marks(connection))
    _drop(connection, names)
    return names


def find_marks(connection: Connection) -> dict[str, str]:
    """Return name -> mark of each typed view there is."""
    rows = connection.execute(text(MARKS[connection.dialect.name]))
    return {row.name: mark for row in rows if (mark := _mark_of(row.words or "")) is not None}


def refuse_if_needed(connection: Connection, names: Collection[str]) -> None:
    """Raise SettingError if views that are not among these depend on them (PostgreSQL)."""
    if connection.dialect.name != "postgresql" or not names:
        return
    rows = connection.execute(DEPENDENTS, {"names": list(names)})
    others = [row.shown for row in rows if row.name not in names]
    if others:
        raise SettingError("views_needed", views=", ".join(others))


def _mark_of(words: str) -> str | None:
    found = MARKED.search(words)
    return None if found is None else found[1]


def _drop(connection: Connection, names: Collection[str]) -> None:
    refuse_if_needed(connection, names)
    for name in names:
        _run(connection, f"DROP VIEW {quote(name)}")


def _create(connection: Connection, view: TypedView, statement: str) -> None:
    taken = {
        row.name.casefold() for row in connection.execute(text(NAMES[connection.dialect.name]))
    }
    if view.name.casefold() in taken:
        raise SettingError("view_name_taken", view=view.name, spec=view.spec.name)
    _run(connection, statement)
    if connection.dialect.name == "postgresql":
        for comment in comments_sql(view, statement):
            _run(connection, comment)


def _run(connection: Connection, statement: str) -> None:
    """Run a statement that holds names and texts of users: nothing in it is a parameter."""
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def _read_specs(connection: Connection) -> list[ExtractSpec]:
    """Return the newest spec of each name, the name that was there first first."""
    in_order = (
        select(batches.c.spec_name, batches.c.batch_id)
        .where(batches.c.task == "extract")
        .order_by(batches.c.created_at, batches.c.generation, batches.c.batch_id)
    )
    newest = {row.spec_name: row.batch_id for row in connection.execute(in_order)}
    return [
        ExtractSpec(name, _read_fields(connection, batch_id)) for name, batch_id in newest.items()
    ]


def _read_fields(connection: Connection, batch_id: str) -> tuple[TypedField, ...]:
    # Not through `Spec`: a spec of an older version must not keep views from being made.
    spec = connection.execute(
        select(batches.c.spec).where(batches.c.batch_id == batch_id)
    ).scalar_one()
    return tuple(TypedField(field["name"], field["type"]) for field in spec["task"]["fields"])
