"""Every query. Functions grouped by noun; each owns its transaction and returns frozen records."""

from jobs.store.database import Database, open_database, sqlite_file

__all__ = ["Database", "open_database", "sqlite_file"]
