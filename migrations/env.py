"""Runs migrations on the connection it is handed, or on SEKISHO_DATABASE_URL from the shell."""

import os

from alembic import context
from sqlalchemy import Connection

from jobs.store import open_database
from jobs.tables import metadata


def run(connection: Connection) -> None:
    """Run the wanted migrations inside the connection's transaction."""
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    context.run_migrations()


handed: Connection | None = context.config.attributes.get("connection")
if handed is not None:
    run(handed)
else:
    database = open_database(os.environ.get("SEKISHO_DATABASE_URL", "sqlite:///sekisho.db"))
    with database.write() as own:
        run(own)
