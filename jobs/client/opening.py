"""One client's database: opened when it is first needed, and anew in every forked process."""

import os
import threading
from typing import Final

from jobs.errors import SettingError
from jobs.store import Database, open_database, schema, sqlite_file
from jobs.store.database import make_absolute

SQLITE: Final = "sqlite"


class OwnDatabase:
    """A database by its address; threads share it, processes never do."""

    def __init__(self, address: str) -> None:
        """Nothing is opened yet. Raises SettingError for an address that is none."""
        self._file = sqlite_file(address)
        if self._file is None and address.startswith(SQLITE):
            raise SettingError("database_in_memory", database=address)
        self.address = make_absolute(address)
        # By process: a lock that another thread held when this process was forked stays held.
        self._locks: dict[int, threading.Lock] = {}
        self._opened: tuple[int, Database] | None = None
        self._is_current = False

    def to_write(self) -> Database:
        """Return the database with the current tables, as `sekisho run` does.

        An embedded one is made or upgraded; a server's is not. Raises SettingError where that
        has to be done first (`sekisho db upgrade`), ServiceError when nothing answers.
        """
        with self._lock():
            database = self._open()
            if not self._is_current:
                if self._file is None:
                    schema.require_current(database)
                else:
                    schema.upgrade(database)
                self._is_current = True
            return database

    def to_read(self) -> Database:
        """Return the database as it is; raises SettingError if an embedded one is not there."""
        if self._file is not None and not self._file.exists():
            raise SettingError("database_missing", file=str(self._file))
        with self._lock():
            return self._open()

    def close(self) -> None:
        """Close the connections of this process; the next use opens them again."""
        with self._lock():
            opened, self._opened, self._is_current = self._opened, None, False
            if opened is None:
                return
            pid, database = opened
            if pid == os.getpid():
                database.close()
            else:
                database.forget()

    def _lock(self) -> threading.Lock:
        return self._locks.setdefault(os.getpid(), threading.Lock())

    def _open(self) -> Database:
        if self._opened is not None:
            pid, database = self._opened
            if pid == os.getpid():
                database.require_in_place()
                return database
            database.forget()
        database = open_database(self.address)
        self._opened, self._is_current = (os.getpid(), database), False
        return database
