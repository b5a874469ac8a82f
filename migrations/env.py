"""Runs migrations on the connection it is handed, or on SEKISHO_DATABASE_URL from the shell."""

import os

from alembic import context
from sqlalchemy import Connection, create_engine

from jobs.tables import metadata


def run(connection: Connection) -> None:
    """Run the wanted migrations inside the connection's transaction."""
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    context.run_migrations()


handed: Connection | None = context.config.attributes.get("connection")
if handed is not None:
    run(handed)
else:
    with create_engine(os.environ["SEKISHO_DATABASE_URL"]).begin() as own:
        run(own)
